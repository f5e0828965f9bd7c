internal import HamsterCore
internal import HamsterFiles
internal import HamsterState
internal import HamsterTail
internal import Synchronization

/// How far the files are. Any thread may use it.
package final class ShippingProgress: Sendable {
    /// The numbers at one moment.
    package struct Snapshot: Sendable, Hashable {
        package var files = 0
        package var filesDelivered = 0
        package var bytes: UInt64 = 0
        /// Of those in ``bytes``, whoever has sent them and when.
        package var bytesAcknowledged: UInt64 = 0
        /// Bytes that were seen in a file and were gone before they could be sent.
        package var bytesLost: UInt64 = 0
    }

    fileprivate struct Entry {
        var size: UInt64
        var acknowledged: UInt64
        var isDelivered = false

        init(_ file: TailedFile) {
            let record = file.record
            size = file.sizeLimit ?? record.sizeSeen
            acknowledged = record.position.offset
        }
    }

    private struct State {
        var entries: [FileIdentity: Entry] = [:]
        /// The sum over the files that have left their paths, and are not among the entries any more.
        var left = Snapshot()

        /// Each file has one entry, whoever tells of it first: the look that finds it or the shipper that serves it.
        mutating func find(_ file: TailedFile) {
            guard file.takeFinding(), entries[file.identity] == nil else { return }
            entries[file.identity] = Entry(file)
        }
    }

    private let state = Mutex(State())

    package init() {}

    package var snapshot: Snapshot {
        state.withLock { state in
            state.entries.values.reduce(into: state.left) { sum, entry in sum.add(entry) }
        }
    }

    /// A file is to be shipped.
    func found(_ file: TailedFile) { state.withLock { $0.find(file) } }

    /// All of the file below `offset` is acknowledged.
    func acknowledged(_ file: TailedFile, _ offset: UInt64) {
        state.withLock { state in
            state.find(file)
            state.entries[file.identity]?.acknowledged = offset
        }
    }

    /// Every byte of a file is acknowledged. `hasLeft`: and it is not among its path's files any more; else it may grow, and be
    /// delivered again, which counts once.
    func delivered(_ file: TailedFile, hasLeft: Bool) {
        state.withLock { state in
            state.find(file)
            state.entries[file.identity]?.isDelivered = true
            guard hasLeft, let entry = state.entries.removeValue(forKey: file.identity) else { return }
            state.left.add(entry)
        }
    }

    func lost(_ byteCount: UInt64) { state.withLock { $0.left.bytesLost += byteCount } }
}

extension ShippingProgress.Snapshot {
    fileprivate mutating func add(_ entry: ShippingProgress.Entry) {
        files += 1
        filesDelivered += entry.isDelivered ? 1 : 0
        bytes += max(entry.size, entry.acknowledged)
        bytesAcknowledged += entry.acknowledged
    }
}
