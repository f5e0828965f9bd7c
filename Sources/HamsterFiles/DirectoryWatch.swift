internal import CLinux
internal import Glibc
package import HamsterCore
internal import Synchronization

/// What happened to a name in a watched directory, or to the directory.
package struct DirectoryChanges: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The name came into being here.
    package static let created = Self(rawValue: 1 << 0)
    /// Bytes were written, or the length was changed.
    package static let modified = Self(rawValue: 1 << 1)
    /// The name was renamed away from here.
    package static let movedFrom = Self(rawValue: 1 << 2)
    /// Something was renamed to this name.
    package static let movedTo = Self(rawValue: 1 << 3)
    /// A process that had the file open for writing closed it.
    package static let closedWrite = Self(rawValue: 1 << 4)
    /// The name was removed.
    package static let deleted = Self(rawValue: 1 << 5)
    /// The directory itself was removed, renamed or unmounted: its watch is over, and the event has no name.
    package static let selfGone = Self(rawValue: 1 << 6)
    /// Events were lost, in any directory: all must be scanned. The event has neither a directory nor a name.
    package static let overflow = Self(rawValue: 1 << 7)
    /// The name is a directory's.
    package static let isDirectory = Self(rawValue: 1 << 8)

    /// From inotify(7)'s bits.
    init(inotify mask: UInt32) {
        let table: [(Int32, Self)] = [
            (IN_CREATE, .created), (IN_MODIFY, .modified), (IN_MOVED_FROM, .movedFrom), (IN_MOVED_TO, .movedTo),
            (IN_CLOSE_WRITE, .closedWrite), (IN_DELETE, .deleted), (IN_DELETE_SELF, .selfGone),
            (IN_MOVE_SELF, .selfGone), (IN_UNMOUNT, .selfGone), (IN_Q_OVERFLOW, .overflow), (IN_ISDIR, .isDirectory),
        ]
        self = table.reduce(into: []) { changes, row in
            if mask & UInt32(bitPattern: row.0) != 0 { changes.formUnion(row.1) }
        }
    }
}

/// All that happened to one name since the events were last taken: a union without order. Look at the file itself for
/// what is true now.
package struct DirectoryEvent: Sendable, Hashable {
    /// The watch's number from `DirectoryWatch.add`; nil for an overflow.
    package var directory: Int32?
    /// The name's bytes; empty where the directory itself is meant.
    package var name: [UInt8]
    package var changes: DirectoryChanges

    package init(directory: Int32?, name: [UInt8], changes: DirectoryChanges) {
        self.directory = directory
        self.name = name
        self.changes = changes
    }
}

/// Watches directories by inotify(7). A thread of its own reads the kernel's queue, so that a slow consumer doesn't make
/// it overflow; what waits for the consumer is one event per name, and at most `eventsMax` of them.
package final class DirectoryWatch: Sendable {
    /// Names with waiting events; when there are more, they are dropped, and one overflow takes their place.
    package static let eventsMax = 65_536

    private let queue: EventQueue

    /// Starts the thread, which calls `onEvents` each time that it has events to take. Throws where the user's limit of inotify
    /// instances is reached (EMFILE).
    package init(onEvents: @escaping @Sendable () -> Void = {}) throws(FileError) {
        let queue = try EventQueue(onEvents)
        self.queue = queue
        let code = startDetachedThread { queue.readUntilClosed() }
        if code != 0 { throw FileError(.watch, SourcePath("inotify"), code: code) }
    }

    deinit { queue.close() }

    /// Watches a directory; symbolic links are followed. The same directory, by whatever name, gives the same number.
    /// ENOSPC: the user's limit of watches is reached.
    package func add(_ directory: SourcePath) throws(FileError) -> Int32 { try queue.add(directory) }

    /// Ends a watch. Events of it that wait are dropped; a number that is not known (any more) is ignored.
    package func remove(_ directory: Int32) { queue.remove(directory) }

    /// Waits for events and takes all of them, in the order in which their names were first seen. Nil: the watch was closed,
    /// or the task is cancelled. One consumer at a time.
    package func next() async -> [DirectoryEvent]? {
        while let events = takeWaiting() {
            if !events.isEmpty { return events }
            if Task.isCancelled { return nil }
            await queue.waitForEvents()
        }
        return nil
    }

    /// Takes what waits, without waiting for more. Nil: the watch was closed.
    package func takeWaiting() -> [DirectoryEvent]? { queue.take() }

    /// Ends the thread and the wait of `next`.
    package func close() { queue.close() }
}

/// The inotify descriptor and what was read from it; shared by the watch and its thread.
private final class EventQueue: Sendable {
    /// Between two readings. A log that is written to all the time would wake three threads for each of its lines; in this time
    /// the kernel makes one event of many. The first line after a quiet time doesn't wait.
    private static let pause: Duration = .milliseconds(1)
    /// 16 bytes, and a name of up to 256.
    private static let recordBytesMax = 272
    /// Between two pauses: as much as the kernel's queue holds by default (`max_queued_events`), of the longest names.
    private static let readingsMax = 64

    private let inotify: Descriptor
    private let closing: Wakeup
    private let waiting = Mutex(WaitingEvents())
    private let onEvents: @Sendable () -> Void

    init(_ onEvents: @escaping @Sendable () -> Void) throws(FileError) {
        self.onEvents = onEvents
        let number = try systemCall(.watch, SourcePath("inotify")) {
            inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        }
        inotify = Descriptor(owning: number)
        closing = try Wakeup()
    }

    func add(_ directory: SourcePath) throws(FileError) -> Int32 {
        let mask =
            IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR
        let result = try withPath(directory, .watch) { name in
            Result { () throws(FileError) in
                try systemCall(.watch, directory) {
                    inotify_add_watch(inotify.number, name, UInt32(bitPattern: Int32(mask)))
                }
            }
        }
        return try result.get()
    }

    func remove(_ directory: Int32) {
        // EINVAL: the kernel has ended this watch by itself, because the directory is gone.
        inotify_rm_watch(inotify.number, directory)
        waiting.withLock { $0.forget(directory) }
    }

    func take() -> [DirectoryEvent]? { waiting.withLock { $0.take() } }

    /// Returns when there is something to take, at a close, and when the task is cancelled.
    func waitForEvents() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = waiting.withLock { waiting in
                    // Asked under the lock: a cancellation after this finds the continuation in its place.
                    if Task.isCancelled || waiting.hasSomething { return true }
                    waiting.consumer = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            resumeConsumer()
        }
    }

    private func resumeConsumer() {
        let consumer = waiting.withLock { waiting in
            defer { waiting.consumer = nil }
            return waiting.consumer
        }
        consumer?.resume()
    }

    func close() {
        waiting.withLock { $0.isClosed = true }
        resumeConsumer()
        closing.wake()
    }

    func readUntilClosed() {
        while !closing.waitUntilReadable(inotify.number, timeout: nil).isWoken {
            readWaiting()
            // Closed meanwhile: the next wait ends at once.
            _ = closing.waitUntilReadable(nil, timeout: Self.pause)
        }
    }

    private func readWaiting() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            // All there is, before the pause: the kernel's queue must not fill up meanwhile.
            var (isFull, hasRead, readings) = (true, false, 0)
            while isFull, readings < Self.readingsMax {
                readings += 1
                let count = read(inotify.number, buffer.baseAddress, buffer.count)
                guard count > 0 else { break }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                waiting.withLock { $0.add(bytes) }
                hasRead = true
                isFull = buffer.count - count < Self.recordBytesMax
            }
            guard hasRead else { return }
            resumeConsumer()
            onEvents()
        }
    }
}

/// One event per name, in the order of their first change.
private struct WaitingEvents {
    private struct Name: Hashable {
        var directory: Int32
        var bytes: [UInt8]
    }

    var isClosed = false
    /// The task that waits in `next`.
    var consumer: CheckedContinuation<Void, Never>?
    var hasSomething: Bool { isClosed || hasOverflow || !events.isEmpty }
    private var hasOverflow = false
    private var events: [DirectoryEvent] = []
    private var positions: [Name: Int] = [:]

    /// Takes the kernel's records: number, mask, cookie, name's length, name padded with NUL.
    mutating func add(_ records: UnsafeRawBufferPointer) {
        var rest = records[...]
        while rest.count >= 16 {
            let head = UnsafeRawBufferPointer(rebasing: rest.prefix(16))
            let length = Int(head.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            add(
                DirectoryChanges(inotify: head.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
                in: head.loadUnaligned(as: Int32.self),
                name: Array(rest.dropFirst(16).prefix(length).prefix { $0 != 0 }))
            rest = rest.dropFirst(16 + length)
        }
    }

    mutating func take() -> [DirectoryEvent]? {
        guard !isClosed else { return nil }
        var taken = events
        if hasOverflow { taken.append(DirectoryEvent(directory: nil, name: [], changes: .overflow)) }
        clear()
        hasOverflow = false
        return taken.filter { !$0.changes.isEmpty }
    }

    mutating func forget(_ directory: Int32) {
        for index in events.indices where events[index].directory == directory { events[index].changes = [] }
        positions = positions.filter { $0.key.directory != directory }
    }

    private mutating func add(_ changes: DirectoryChanges, in directory: Int32, name: [UInt8]) {
        // IN_IGNORED, which follows the end of a watch, says nothing more than that.
        guard !changes.isEmpty else { return }
        if changes.contains(.overflow) || events.count >= DirectoryWatch.eventsMax {
            hasOverflow = true
            return clear()
        }
        let key = Name(directory: directory, bytes: name)
        if let position = positions[key] {
            events[position].changes.formUnion(changes)
        } else {
            positions[key] = events.count
            events.append(DirectoryEvent(directory: directory, name: name, changes: changes))
        }
    }

    private mutating func clear() {
        events = []
        positions = [:]
    }
}
