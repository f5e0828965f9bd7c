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

    private struct Entry {
        var size: UInt64
        var acknowledged: UInt64 = 0
        var isDelivered = false
    }

    private let entries = Mutex<[FileIdentity: Entry]>([:])
    private let bytesLost = Atomic<UInt64>(0)

    package init() {}

    package var snapshot: Snapshot {
        entries.withLock { entries in
            entries.values.reduce(into: Snapshot(bytesLost: bytesLost.load(ordering: .relaxed))) { sum, entry in
                sum.files += 1
                sum.filesDelivered += entry.isDelivered ? 1 : 0
                sum.bytes += max(entry.size, entry.acknowledged)
                sum.bytesAcknowledged += entry.acknowledged
            }
        }
    }

    /// A file is to be shipped.
    func found(_ file: TailedFile) {
        let size = file.sizeLimit ?? file.record.sizeSeen
        entries.withLock { entries in
            if entries[file.identity] == nil { entries[file.identity] = Entry(size: size) }
        }
    }

    func acknowledged(_ identity: FileIdentity, _ offset: UInt64) {
        entries.withLock { $0[identity]?.acknowledged = offset }
    }

    func delivered(_ identity: FileIdentity) { entries.withLock { $0[identity]?.isDelivered = true } }

    func lost(_ byteCount: UInt64) { bytesLost.add(byteCount, ordering: .relaxed) }
}
