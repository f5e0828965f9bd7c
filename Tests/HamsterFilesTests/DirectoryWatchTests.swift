import Foundation
import HamsterCore
import HamsterFiles
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct DirectoryWatchTests {
    let directory: TemporaryDirectory
    let fileSystem = LinuxFileSystem()
    let watch: DirectoryWatch

    init() throws {
        directory = try TemporaryDirectory()
        watch = try DirectoryWatch()
    }

    /// Collects until an event fits.
    func events(until isLast: (DirectoryEvent) -> Bool) async -> [DirectoryEvent] {
        var all: [DirectoryEvent] = []
        while !all.contains(where: isLast), let next = await watch.next() { all += next }
        return all
    }

    func changes(of name: String, in events: [DirectoryEvent]) -> DirectoryChanges {
        events.filter { $0.name == Array(name.utf8) }.reduce(into: []) { $0.formUnion($1.changes) }
    }

    @Test func `making, writing, closing, renaming and removing are told by name`() async throws {
        let id = try watch.add(SourcePath(directory.path))
        do {
            let output = try fileSystem.openOutput(.absolute(directory.source("a")), OutputOpening())
            try output.append("x")
        }
        try fileSystem.rename(directory.source("a"), to: directory.source("b"))
        try fileSystem.remove(directory.source("b"))

        let events = await events { $0.changes.contains(.deleted) }
        #expect(changes(of: "a", in: events).isSuperset(of: [.created, .modified, .closedWrite, .movedFrom]))
        #expect(changes(of: "b", in: events).isSuperset(of: [.movedTo, .deleted]))
        #expect(events.allSatisfy { $0.directory == id })
    }

    @Test func `many writes become few events`() async throws {
        _ = try watch.add(SourcePath(directory.path))
        let output = try fileSystem.openOutput(.absolute(directory.source("a")), OutputOpening())
        for _ in 0..<1000 { try output.append("x") }
        try fileSystem.makeDirectory(directory.path + "/last", mode: 0o750)

        let events = await events { $0.name == Array("last".utf8) }
        #expect(events.count < 1000)
        #expect(changes(of: "a", in: events) == [.created, .modified])
        #expect(changes(of: "last", in: events) == [.created, .isDirectory])
    }

    @Test func `who asks to be told of events is, though not a thousand times in a second`() async throws {
        let times = Times()
        let watch = try DirectoryWatch { times.all.withLock { $0.append(.now) } }
        _ = try watch.add(SourcePath(directory.path))
        let output = try fileSystem.openOutput(.absolute(directory.source("a")), OutputOpening())
        for _ in 0..<2_000 { try output.append("x") }
        try fileSystem.makeDirectory(directory.path + "/last", mode: 0o750)

        let last = Array("last".utf8)
        while let events = await watch.next(), !events.contains(where: { $0.name == last }) {}
        let told = times.all.withLock { $0 }
        #expect(!told.isEmpty)
        #expect(zip(told, told.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(1) })
    }

    private final class Times: Sendable {
        let all = Mutex<[ContinuousClock.Instant]>([])
    }

    @Test func `a directory that goes away says so`() async throws {
        try fileSystem.makeDirectory(directory.path + "/sub", mode: 0o750)
        let id = try watch.add(directory.source("sub"))
        try FileManager.default.removeItem(atPath: directory.path + "/sub")

        let events = await events { $0.changes.contains(.selfGone) }
        #expect(events.last == DirectoryEvent(directory: id, name: [], changes: .selfGone))
        watch.remove(id)
    }

    @Test func `the same directory has one number, and a missing one is an error`() throws {
        let first = try watch.add(SourcePath(directory.path))
        let second = try watch.add(SourcePath(directory.path + "/."))

        #expect(first == second)
        let error = #expect(throws: FileError.self) { try self.watch.add(self.directory.source("none")) }
        #expect(error?.isMissing == true)
    }

    @Test func `a wait ends when the watch is closed`() async {
        async let waiting = watch.next()
        watch.close()

        #expect(await waiting == nil)
        #expect(watch.takeWaiting() == nil)
    }

    @Test func `a cancelled wait ends, and the next one works`() async throws {
        let task = Task { await watch.next() }
        task.cancel()
        #expect(await task.value == nil)

        _ = try watch.add(SourcePath(directory.path))
        try directory.write("x", to: "x")
        #expect(await watch.next()?.isEmpty == false)
    }
}

@Suite(.timeLimit(.minutes(5))) struct WakeupTests {
    @Test func `a wake-up before the wait is kept, once`() throws {
        let wakeup = try Wakeup()
        wakeup.wake()
        wakeup.wake()

        #expect(wakeup.wait(timeout: nil))
        #expect(!wakeup.wait(timeout: .milliseconds(1)))
    }

    @Test func `work on a thread of its own is waited for`() async throws {
        let wakeup = try Wakeup()
        async let work: Void = withDedicatedThread { _ = wakeup.wait(timeout: nil) }
        wakeup.wake()

        try await work
    }
}
