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
        package var bytesAcknowledged: UInt64 = 0
        /// Bytes that were seen in a file and were gone before they could be sent.
        package var bytesLost: UInt64 = 0
    }

    fileprivate struct Entry {
        var size: UInt64
        var acknowledged: UInt64 = 0
    }

    private struct State {
        var entries: [FileIdentity: Entry] = [:]
        /// The sum over the files that are delivered, and are not among the entries any more.
        var delivered = Snapshot()
    }

    private let state = Mutex(State())

    package init() {}

    package var snapshot: Snapshot {
        state.withLock { state in
            state.entries.values.reduce(into: state.delivered) { sum, entry in sum.add(entry) }
        }
    }

    /// A file is to be shipped.
    func found(_ file: TailedFile) {
        let size = file.sizeLimit ?? file.record.sizeSeen
        state.withLock { state in
            if state.entries[file.identity] == nil { state.entries[file.identity] = Entry(size: size) }
        }
    }

    func acknowledged(_ identity: FileIdentity, _ offset: UInt64) {
        state.withLock { $0.entries[identity]?.acknowledged = offset }
    }

    func delivered(_ identity: FileIdentity) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: identity) else { return }
            state.delivered.add(entry)
            state.delivered.filesDelivered += 1
        }
    }

    func lost(_ byteCount: UInt64) { state.withLock { $0.delivered.bytesLost += byteCount } }
}

extension ShippingProgress.Snapshot {
    fileprivate mutating func add(_ entry: ShippingProgress.Entry) {
        files += 1
        bytes += max(entry.size, entry.acknowledged)
        bytesAcknowledged += entry.acknowledged
    }
}
