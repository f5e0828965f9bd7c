internal import HamsterFiles
internal import HamsterState
internal import Synchronization

/// How far the files are. Any thread may use it.
package final class ShippingProgress: Sendable {
    /// The numbers at one moment.
    package struct Snapshot: Sendable, Hashable {
        package var files = 0
        package var filesDelivered = 0
        package var bytes: UInt64 = 0
        package var bytesAcknowledged: UInt64 = 0
    }

    private struct Entry {
        var size: UInt64
        var acknowledged: UInt64 = 0
        var isAnnounced = false
        var isDelivered = false
    }

    private let entries = Mutex<[FileIdentity: Entry]>([:])

    package init() {}

    package var snapshot: Snapshot {
        entries.withLock { entries in
            entries.values.reduce(into: Snapshot()) { sum, entry in
                sum.files += 1
                sum.filesDelivered += entry.isDelivered ? 1 : 0
                sum.bytes += max(entry.size, entry.acknowledged)
                sum.bytesAcknowledged += entry.acknowledged
            }
        }
    }

    /// A file with so many bytes is to be shipped.
    func found(_ identity: FileIdentity, size: UInt64) {
        entries.withLock { $0[identity] = $0[identity] ?? Entry(size: size) }
    }

    func acknowledged(_ record: FileRecord) {
        entries.withLock { $0[record.identity]?.acknowledged = record.offset }
    }

    /// The server has heard of the file: an empty one is there too.
    func announced(_ identity: FileIdentity) { entries.withLock { $0[identity]?.isAnnounced = true } }

    func isAnnounced(_ identity: FileIdentity) -> Bool { entries.withLock { $0[identity]?.isAnnounced ?? false } }

    func delivered(_ identity: FileIdentity) { entries.withLock { $0[identity]?.isDelivered = true } }
}
