import Foundation
import HamsterCore
import HamsterFiles
import HamsterTesting
import Synchronization
import Testing

@testable import HamsterClient

/// Real directories, and the events that the kernel has for them.
struct WatchedDirectoriesTests {
    private final class Count: Sendable {
        private let value = Mutex(0)
        var now: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    private let scratch: ScratchDirectory
    private let told = Count()
    private let watched: WatchedDirectories

    init() throws {
        scratch = try ScratchDirectory()
        watched = WatchedDirectories(try DirectoryWatch { [told] in told.add() })
    }

    private func path(_ name: String) -> SourcePath { SourcePath(scratch(name)) }

    private func scan(_ names: String...) throws {
        watched.beginScan()
        _ = watched.add(Set(names.map(path)))
        #expect(watched.endScan().isEmpty)
    }

    /// Does what makes events, and waits until they were read.
    private func provoke(_ change: () throws -> Void) async throws {
        let before = told.now
        try change()
        try await eventually("the events") { told.now > before }
    }

    @Test func `what is known is told although a directory is gone`() async throws {
        defer { watched.close() }
        try scratch.write("a/x.log", "one")
        try FileManager.default.createDirectory(atPath: scratch("b"), withIntermediateDirectories: true)
        try scan("a", "b")
        try await provoke { try scratch.append("a/x.log", "two") }
        try await provoke { try FileManager.default.removeItem(atPath: scratch("b")) }
        let events = watched.events()
        #expect(events.isIncomplete)
        #expect(events.paths.contains { $0.path == path("a/x.log") })
    }

    @Test func `a directory whose place another one has taken is watched no more`() async throws {
        defer { watched.close() }
        try scratch.write("logs/x.log", "one")
        try scan("logs")
        try await provoke {
            try FileManager.default.moveItem(atPath: scratch("logs"), toPath: scratch("old"))
            try FileManager.default.createDirectory(atPath: scratch("logs"), withIntermediateDirectories: true)
        }
        try scan("logs")
        // The kernel says that it has ended the watch.
        try await provoke {
            try scratch.append("old/x.log", "two"); try scratch.write("logs/y.log", "new")
        }
        _ = watched.events()
        try await provoke {
            try scratch.append("old/x.log", "three")
            try scratch.append("logs/y.log", "more")
        }
        let events = watched.events()
        #expect(!events.isIncomplete)
        #expect(events.paths.allSatisfy { $0.path == path("logs/y.log") })
    }
}
