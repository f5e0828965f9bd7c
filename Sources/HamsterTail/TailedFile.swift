package import HamsterCore
package import HamsterFiles
package import HamsterState
internal import Synchronization

/// One open file on its way to the server: what was read, what is acknowledged, and whether more can come.
///
/// It follows the inode, not the name, and stays open until it is delivered, so that a rename or a removal loses
/// nothing. Any thread may use it.
package final class TailedFile: Sendable {
    /// What a look at the file says about the bytes already sent.
    package enum Continuity: Sendable, Hashable {
        case same
        /// The file is shorter than what was sent, or holds other bytes there: new content from offset 0.
        case replaced
    }

    private struct State {
        var record: FileRecord
        /// Set once the path leads elsewhere: wall clock time of the rotation.
        var rotatedAt: FileTime?
        /// Set for a file that is sent as it was at one moment.
        var sizeLimit: UInt64?
    }

    package let identity: FileIdentity
    package let file: any ReadableFile
    private let state: Mutex<State>

    /// `record` is what is known of this identity, or a fresh one.
    package init(file: any ReadableFile, record: FileRecord, sizeLimit: UInt64? = nil) {
        identity = record.identity
        self.file = file
        state = Mutex(State(record: record, sizeLimit: sizeLimit))
    }

    package var record: FileRecord { state.withLock { $0.record } }

    package var acknowledged: UInt64 { state.withLock { $0.record.offset } }

    /// Bytes behind this offset are not sent: nil where the file is followed as it grows.
    package var sizeLimit: UInt64? { state.withLock { $0.sizeLimit } }

    /// When the path began to lead elsewhere; nil while it leads here.
    package var rotatedAt: FileTime? { state.withLock { $0.rotatedAt } }

    /// The file has left its path. Only the first call counts.
    package func markRotated(at time: FileTime) {
        state.withLock { state in
            if state.rotatedAt == nil { state.rotatedAt = time }
        }
    }

    /// Every byte below `offset` is acknowledged; `tail` are the bytes before it, as they were sent.
    /// An offset below the known one is ignored. Returns the new record.
    package func acknowledge(_ offset: UInt64, tail: SourceTail, now: Int64) -> FileRecord {
        state.withLock { state in
            if offset >= state.record.offset {
                state.record.offset = offset
                state.record.tail = tail
                state.record.seenAt = now
            }
            return state.record
        }
    }

    /// The file is still there: its record is not to be forgotten. Returns the new record.
    package func seen(now: Int64) -> FileRecord {
        state.withLock { state in
            state.record.seenAt = now
            return state.record
        }
    }

    /// The server says where to go on, above or below what we knew. Returns the new record.
    package func resume(at offset: UInt64, tail: SourceTail, now: Int64) -> FileRecord {
        state.withLock { state in
            state.record.offset = offset
            state.record.tail = tail
            state.record.seenAt = now
            return state.record
        }
    }

    /// The file holds other content than before: it starts over under a new token. `size` is what it has now: a file
    /// that is sent once ends there.
    package func startOver(size: UInt64, now: Int64) -> FileRecord {
        state.withLock { state in
            if state.sizeLimit != nil { state.sizeLimit = size }
            state.record.generation += 1
            state.record.offset = 0
            state.record.tail = SourceTail()
            state.record.seenAt = now
            return state.record
        }
    }

    /// Compares what stands before `offset` with `tail`, the bytes that were sent. Blocks on the disk at worst.
    package func continuity(at offset: UInt64, tail: SourceTail) throws(FileError) -> Continuity {
        guard try file.status().size >= offset else { return .replaced }
        let expected = tail.bytes.suffix(Int(clamping: offset))
        guard !expected.isEmpty else { return .same }
        let found = try file.bytes(at: offset - UInt64(expected.count), count: expected.count)
        return found.elementsEqual(expected) ? .same : .replaced
    }

    /// The up to 64 bytes before `offset`, as the file holds them now. Blocks on the disk at worst.
    package func tail(before offset: UInt64) throws(FileError) -> SourceTail {
        let count = Int(min(offset, UInt64(SourceTail.bytesMax)))
        return SourceTail(try file.bytes(at: offset - UInt64(count), count: count))
    }

    /// Whether a server's `check` of the bytes before `offset` holds for this file.
    package func continuity(at offset: UInt64, check: ContinuityCheck?) throws(FileError) -> Continuity {
        guard try file.status().size >= offset else { return .replaced }
        guard let check else { return .same }
        return try tail(before: offset).check(at: offset) == check ? .same : .replaced
    }
}
