import HamsterFiles
import HamsterTesting

/// One file or directory of a simulated disk: what every process sees, and what would survive a power cut.
final class SimulatedInode {
    /// What a sync has not reached yet.
    enum Change {
        case write(at: Int, [UInt8])
        case truncate(Int)
    }

    /// Names set or removed in one step, as a rename does both.
    typealias EntryChange = [(name: [UInt8], inode: SimulatedInode?)]

    let number: UInt64
    let kind: FileKind
    let born: FileTime?
    var modified: FileTime
    var changed: FileTime
    var mode: UInt32
    var links = 0
    /// Open for writing by so many.
    var writers = 0
    /// Open for reading by so many.
    var readers = 0
    private(set) var bytes: [UInt8] = []
    private(set) var entries: [[UInt8]: SimulatedInode] = [:]

    private var durable: [UInt8] = []
    private var unsynced: [Change] = []
    private var durableEntries: [[UInt8]: SimulatedInode] = [:]
    private var unsyncedEntries: [EntryChange] = []

    init(number: UInt64, kind: FileKind, mode: UInt32, born: FileTime?, now: FileTime) {
        self.number = number
        self.kind = kind
        self.mode = mode
        self.born = born
        modified = now
        changed = now
    }

    var unsyncedCount: Int { unsynced.count }

    func append(_ more: some Collection<UInt8>, now: FileTime) {
        let more = Array(more)
        unsynced.append(.write(at: bytes.count, more))
        bytes += more
        (modified, changed) = (now, now)
    }

    func truncate(to length: Int, now: FileTime) {
        bytes.resize(to: length)
        unsynced.append(.truncate(length))
        (modified, changed) = (now, now)
    }

    func change(_ entries: EntryChange, now: FileTime) {
        self.entries.apply(entries)
        unsyncedEntries.append(entries)
        (modified, changed) = (now, now)
    }
}

extension SimulatedInode {
    /// fsync: the first `count` unsynced changes reach the disk, and everything that is known of a directory.
    func synchronize(first count: Int? = nil) {
        let count = min(count ?? unsynced.count, unsynced.count)
        for change in unsynced.prefix(count) { durable.apply(change) }
        unsynced.removeFirst(count)
        for change in unsyncedEntries { durableEntries.apply(change) }
        unsyncedEntries = []
    }

    /// An fsync that failed: some of the writes are on disk, the kernel takes all for clean, and no later fsync writes them.
    func failToSynchronize(_ random: inout SeededGenerator) {
        durable.apply(unsynced, someOf: &random)
        unsynced = []
    }

    /// A power cut: what was not synced survives in part, or not at all.
    func cutPower(_ random: inout SeededGenerator) {
        switch random.int(0...3) {
        case 0: break
        case 1: synchronize()
        default:
            durable.apply(unsynced, someOf: &random)
            for change in unsyncedEntries where random.bool() { durableEntries.apply(change) }
        }
        (unsynced, unsyncedEntries) = ([], [])
        (bytes, entries) = (durable, durableEntries)
        writers = 0
    }
}

extension [UInt8] {
    fileprivate mutating func resize(to length: Int) {
        if length < count { removeLast(count - length) }
        if length > count { append(contentsOf: repeatElement(0, count: length - count)) }
    }

    fileprivate mutating func write(_ more: some Collection<UInt8>, at offset: Int) {
        resize(to: Swift.max(count, offset + more.count))
        replaceSubrange(offset..<offset + more.count, with: more)
    }

    fileprivate mutating func apply(_ change: SimulatedInode.Change) {
        switch change {
        case .write(let offset, let more): write(more, at: offset)
        case .truncate(let length): resize(to: length)
        }
    }

    /// Each change reaches the disk as a whole, in part, as a length without its bytes, or not at all.
    fileprivate mutating func apply(_ changes: [SimulatedInode.Change], someOf random: inout SeededGenerator) {
        for change in changes {
            switch (change, random.int(0...4)) {
            case (_, 0): break
            case (.write(let offset, let more), 1): write(more.prefix(random.int(0...more.count)), at: offset)
            case (.write(let offset, let more), 2): resize(to: Swift.max(count, offset + more.count))
            case (.write(let offset, let more), 3) where more.count > 1:
                // The later block got there before the earlier one.
                let middle = random.int(1...more.count - 1)
                write(more[middle...], at: offset + middle)
            default: apply(change)
            }
        }
    }
}

extension [[UInt8]: SimulatedInode] {
    fileprivate mutating func apply(_ change: SimulatedInode.EntryChange) {
        for (name, inode) in change { self[name] = inode }
    }
}
