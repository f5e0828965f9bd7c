package import HamsterCore
package import HamsterFiles
package import HamsterState
internal import Synchronization

/// One file on its way to the server: what is acknowledged, where its bytes are read, and whether more can come.
///
/// It follows the inode, not the name. While it is open, a rename or a removal loses nothing; a file that is closed to
/// save descriptors is opened again by its name, if that still leads to it. Any thread may use it.
package final class TailedFile: Sendable {
    private struct State {
        var record: FileRecord
        var location: SourcePath
        var handle: (any ReadableFile)?
        /// Who reads at present, and so needs it open.
        var users = 0
        var rotatedAt: FileTime?
        var isRotationTold = false
        var isFindingTold = false
        var sizeLimit: UInt64?
        var mustAnnounce = false
        /// Whether the content was compared with the record since the file was found.
        var isCompared = false
    }

    /// Of the file that is read. The record's is another one where this is a copy that a rotation has made.
    package let identity: FileIdentity
    private let fileSystem: any FileSystem
    private let budget: OpenFileBudget
    private let state: Mutex<State>

    /// `handle` is open already, and was found at `location`; `record` is what is known of its content.
    package init(
        _ handle: any ReadableFile, identity: FileIdentity, at location: SourcePath, record: FileRecord,
        fileSystem: any FileSystem, budget: OpenFileBudget
    ) {
        self.identity = identity
        self.fileSystem = fileSystem
        self.budget = budget
        state = Mutex(State(record: record, location: location, handle: handle))
        budget.opened(self)
    }

    deinit { if isOpen { budget.closed() } }

    package var record: FileRecord { state.withLock { $0.record } }

    package var acknowledged: UInt64 { state.withLock { $0.record.position.offset } }

    /// Whether this is a copy that a rotation has made of what the record's file held.
    package var isCopy: Bool { record.identity != identity }

    /// Whether only the server can tell what of the file was sent: no acknowledgement is known here, though one may have been
    /// heard by a client that was killed before it was on disk, or been lost with a connection.
    package var isKnownToServerAlone: Bool { acknowledged == 0 && !isCopy }

    /// The name under which the file was last seen.
    package var location: SourcePath { state.withLock { $0.location } }

    /// Bytes behind this offset are not sent: nil where the file is followed as it grows.
    package var sizeLimit: UInt64? { state.withLock { $0.sizeLimit } }

    /// When the path began to lead elsewhere; nil while it leads here.
    package var rotatedAt: FileTime? { state.withLock { $0.rotatedAt } }

    /// Whether the server has to hear of it even where there is nothing to send.
    package var mustAnnounce: Bool { state.withLock { $0.mustAnnounce } }
}

// MARK: - Reading

extension TailedFile {
    /// The file, opened again where it was closed. Throws ESTALE where its name leads to another file by now.
    package func open() throws(FileError) -> any ReadableFile {
        let (handle, location) = state.withLock { ($0.handle, $0.location) }
        if let handle { return handle }
        let opened = try fileSystem.open(location)
        guard try opened.status().identity == identity else {
            throw FileError(.open, location, code: FileError.staleCode)
        }
        let isFirst = state.withLock { state in
            guard state.handle == nil else { return false }
            state.handle = opened
            return true
        }
        if isFirst { budget.opened(self) }
        return opened
    }

    package var isOpen: Bool { state.withLock { $0.handle != nil } }

    package func status() throws(FileError) -> FileStatus { try open().status() }

    /// Keeps the file open until ``endUse()``.
    package func beginUse() { state.withLock { $0.users += 1 } }

    package func endUse() { state.withLock { $0.users -= 1 } }

    /// Closes the file if it can be found again: nobody reads it, and its path leads to it, or, with `evenRotated`, its
    /// last name does. False: it stays open.
    func closeIfUnused(evenRotated: Bool) -> Bool {
        // One that was removed a moment ago can't be opened again.
        guard let links = try? state.withLock({ $0.handle })?.status().links, links > 0 else { return false }
        if rotatedAt != nil {
            guard evenRotated, (try? fileSystem.status(of: location))??.identity == identity else { return false }
        }
        let handle = state.withLock { state -> (any ReadableFile)? in
            guard state.users == 0, evenRotated || state.rotatedAt == nil, let handle = state.handle else { return nil }
            state.handle = nil
            return handle
        }
        if handle != nil { budget.closed() }
        return handle != nil
    }

    /// The bytes before `offset` as the file holds them now. Blocks on the disk at worst.
    package func position(at offset: UInt64) throws(FileError) -> SourcePosition {
        let file = try open()
        let tail = Int(min(offset, UInt64(SourceTail.bytesMax)))
        let head = Int(min(offset, UInt64(SourceHead.bytesMax)))
        return SourcePosition(
            offset: offset, tail: SourceTail(try file.bytes(at: offset - UInt64(tail), count: tail)),
            head: SourceHead(try file.bytes(at: 0, count: head)))
    }

    /// Whether the file still holds, before an offset and at its beginning, what was sent. Blocks on the disk at worst.
    package func continues(_ position: SourcePosition) throws(FileError) -> Bool {
        try ContentMatch.position(position).holds(for: try open())
    }

    /// Whether the file is the one that its record tells of. One that has become shorter is another one, unless what was
    /// sent still stands in it; `lost` is told of the bytes that are gone from it then, unsent. Blocks on the disk at worst.
    package func isContinued(lost: (UInt64) -> Void = { _ in }) throws(FileError) -> Bool {
        let size = try status().size
        let (record, isCompared) = state.withLock { ($0.record, $0.isCompared) }
        guard size >= record.position.offset else { return false }
        if size >= record.sizeSeen, isCompared {
            // The size of other content would count as lost; that it is other content is found when it is sent.
            if size > record.sizeSeen, try continues(record.position) { _ = noteSize(size) }
            return true
        }
        let isShorter = size < record.sizeSeen
        guard record.position.offset > 0 || !isShorter, try continues(record.position) else { return false }
        state.withLock { $0.isCompared = true }
        let gone = noteSize(size)
        if gone > 0 { lost(gone) }
        return true
    }
}

// MARK: - What is known

extension TailedFile {
    /// The file has left its path. Only the first call counts.
    package func markRotated(at time: FileTime) {
        state.withLock { state in
            if state.rotatedAt == nil { state.rotatedAt = time }
        }
    }

    /// Whether the file has left its path since the last time that somebody asked.
    package func takeRotation() -> Bool {
        state.withLock { state in
            defer { state.isRotationTold = state.rotatedAt != nil }
            return state.rotatedAt != nil && !state.isRotationTold
        }
    }

    /// Whether nobody has asked this before: a file is found once.
    package func takeFinding() -> Bool {
        state.withLock { state in
            defer { state.isFindingTold = true }
            return !state.isFindingTold
        }
    }

    /// The path leads to the file again.
    package func markReturned() { state.withLock { $0.rotatedAt = nil } }

    /// Nothing of what the file holds is sent. Returns the new record.
    func skip(to position: SourcePosition, now: Int64) -> FileRecord {
        state.withLock { state in
            state.record.move(to: position, now)
            state.record.isSkipped = true
            return state.record
        }
    }

    /// The file is found under this name now.
    package func locate(at path: SourcePath) { state.withLock { $0.location = path } }

    /// Sends the file as it is at this moment, and no more; nil: as it grows.
    package func limit(to size: UInt64?) { state.withLock { $0.sizeLimit = size } }

    /// The server has to hear of the file, or has heard.
    package func setMustAnnounce(_ mustAnnounce: Bool) { state.withLock { $0.mustAnnounce = mustAnnounce } }

    /// The file is sent under another path from now on. Returns the new record.
    package func send(as path: SourcePath) -> FileRecord {
        state.withLock { state in
            state.record.path = path
            return state.record
        }
    }

    /// What the file holds is the content of this record.
    func stand(for record: FileRecord) { state.withLock { $0.record = record } }

    /// The file has this size now. Returns how many bytes it had before and has no more.
    package func noteSize(_ size: UInt64) -> UInt64 {
        state.withLock { state in
            let gone = state.record.sizeSeen > size ? state.record.sizeSeen - size : 0
            state.record.sizeSeen = size
            return gone
        }
    }

    /// The file has been seen with this size while others are sent before it.
    func noteSeen(_ size: UInt64) { state.withLock { $0.record.sizeSeen = max($0.record.sizeSeen, size) } }

    /// Every byte below the position is acknowledged. One below the known one is ignored. Returns the new record.
    package func acknowledge(_ position: SourcePosition, now: Int64) -> FileRecord {
        state.withLock { state in
            if position.offset >= state.record.position.offset { state.record.move(to: position, now) }
            return state.record
        }
    }

    /// The server says where to go on, above or below what we knew. Returns the new record.
    package func resume(at position: SourcePosition, now: Int64) -> FileRecord {
        state.withLock { state in
            state.record.move(to: position, now)
            return state.record
        }
    }

    /// The content begins with these bytes, and is sent next. Returns the new record.
    package func begin(with bytes: [UInt8]) -> FileRecord {
        state.withLock { state in
            state.record.begun = SourceHead(bytes)
            return state.record
        }
    }

    /// The file holds other content than before: it starts over under a new token. `size` is what it has now: a file
    /// that is sent once ends there. Returns the new record.
    package func startOver(size: UInt64, since: FileTime, now: FileTime) -> FileRecord {
        state.withLock { state in
            if state.sizeLimit != nil { state.sizeLimit = size }
            state.record.generation += 1
            state.record.since = since
            state.record.sizeSeen = size
            state.record.position = SourcePosition()
            state.record.begun = SourceHead()
            state.record.isSkipped = false
            state.record.seenAt = now.seconds
            return state.record
        }
    }
}

extension FileRecord {
    fileprivate mutating func move(to position: SourcePosition, _ now: Int64) {
        // Where the server goes on elsewhere than where the file was skipped to, it knows the file.
        if position.offset != self.position.offset { isSkipped = false }
        self.position = position
        sizeSeen = max(sizeSeen, position.offset)
        seenAt = now
    }
}
