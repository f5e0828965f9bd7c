import Foundation
import HamsterTesting
import Testing

/// `send` shows a bar where somebody looks, and plain lines where nobody does.
struct SendShowsItsProgressTests {
    @Test func `a terminal shows a bar with bytes, rate and remaining time`() async throws {
        let deployment = try await Deployment()
        try await deployment.startServer().terminate()
        let path = try deployment.scratch.write("source/a.log", logText(bytes: 100_000))
        let configuration = try deployment.writeClientConfiguration()
        let command = "'\(try Repository.program("loghamsterc"))' send --config '\(configuration)' '\(path)'"

        // script(1) gives the program a terminal. The server comes late, so that there is something to see.
        let terminal = try ChildProcess(
            "/usr/bin/script", ["--quiet", "--return", "--command", command, "/dev/null"], in: deployment.scratch)
        try await eventually("a bar; there is: \(terminal.output)") { terminal.output.contains("] 0 %") }
        _ = try await deployment.startServer()

        #expect(try await terminal.exitCode() == 0, "\(terminal.output)")
        #expect(terminal.output.contains("[..............................] 0 %  0 B of 97.7 KiB  0 B/s  ? left"))
        #expect(terminal.output.contains("1 of 1 files, 97.7 KiB acknowledged"))
    }

    @Test func `elsewhere the result is one plain line`() async throws {
        let deployment = try await Deployment()
        let path = try deployment.scratch.write("source/a.log", logText(bytes: 100_000))
        _ = try await deployment.startServer()

        let result = try await deployment.send([path])

        #expect(result.exitCode == 0)
        #expect(result.output.hasPrefix("1 of 1 files, 97.7 KiB acknowledged, "))
        #expect(!result.output.contains("\u{1B}") && !result.errors.contains("\u{1B}"))
    }
}
