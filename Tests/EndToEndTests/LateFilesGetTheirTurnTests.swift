import HamsterTesting
import Testing

/// A file that can't be finished for now doesn't keep the others waiting, and two clients don't fight for one file.
struct LateFilesGetTheirTurnTests {
    @Test func `a line without its end gives up the only place after a while`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(extra: "[output.app]\npath = \"merged.log\"\n")
        try deployment.scratch.write("source/a.log", "no end")
        _ = try deployment.startClient(
            target: "max_connections = 1", input: "name = \"app\"\npath = \"source/*\"")
        try await deployment.waitUntilFollowed("a.log")

        try deployment.scratch.write("source/b.log", "whole\n")

        try await eventually("the line of the second file") {
            deployment.scratch.contents("stored/merged.log") == Array("whole\n".utf8)
        }
    }

    @Test func `of two clients on one file the first steps back`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try deployment.scratch.write("source/a.log", "one\n")
        let first = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))
        let file = try deployment.writeClientConfiguration(input: "path = \"source/*\"")
        try deployment.scratch.append("source/a.log", "two\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))

        let start = ContinuousClock.now
        let second = try deployment.start("loghamsterc", ["--config", file, "--state", "other-state"])
        try await second.waitForError("connected")
        try await first.waitForError("taken over by")
        for line in ["three\n", "four\n", "five\n"] {
            let before = deployment.stored("a.log") ?? []
            try deployment.scratch.append("source/a.log", line)
            try await deployment.waitUntilStored("a.log", before + Array(line.utf8))
        }

        // Who steps back does so for half a minute.
        let returnsMax = Int((ContinuousClock.now - start) / .seconds(30))
        let opened = server.errors.split(separator: "\n").count { $0.contains("stream opened") }
        #expect((2...2 + returnsMax).contains(opened))
    }
}
