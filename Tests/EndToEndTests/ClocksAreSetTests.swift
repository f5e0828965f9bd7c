import Foundation
import HamsterTesting
import Testing

/// The server's clock is wrong for a while, by days, as after a reboot without a battery or with a broken time server.
struct ClocksAreSetTests {
    @Test(.enabled(if: FakeClock.library != nil, "libfaketime is not installed: clocks can't be set for a test"))
    func `who is let in follows the clock, and nothing is lost or twice`() async throws {
        let deployment = try await Deployment()
        let pair = try await deployment.authority.client("web1", arguments: ["--days", "2", "--force"])
        let clock = try FakeClock(in: deployment.scratch)
        let file = try deployment.writeServerConfiguration()
        let server = try deployment.start("loghamsterd", ["--config", file], environment: clock.environment)
        try await server.waitForError("listening")
        let client = try deployment.startClient(tls: deployment.trust(as: pair))
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try clock.set(days: 3)
        // Looks at its peers at once, and not within a minute.
        server.send(signal: SIGHUP)
        try await server.waitForError("streams end with their certificates")
        try deployment.scratch.append("source/a.log", "two\n")
        try deployment.scratch.append("source/b.log", "three\n")
        // The client has a ticket, which must not help.
        try await server.waitForError("certificate of 'CN=web1' expired at")
        try await client.waitForError("the server refused our certificate: certificate expired")

        try clock.set(days: -3)
        // One refusal a second is logged: it has to come again until it is its turn.
        try await eventually("the refusal") {
            client.send(signal: SIGHUP)
            return server.errors.contains("is not valid before")
        }
        #expect(deployment.stored("b.log") == nil)

        try clock.set(days: 0)
        // Else it comes back within a minute.
        client.send(signal: SIGHUP)
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))
        try await deployment.waitUntilStored("b.log", Array("three\n".utf8))
        #expect(try await server.terminate() == 0)
        #expect(try await client.terminate() == 0)
    }
}

/// A clock of one process, days away from everybody's (libfaketime). Only the time of day: what counts durations goes on.
private struct FakeClock {
    /// Where the library is; nil: not installed.
    static let library = try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")
        .map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
        .first { FileManager.default.fileExists(atPath: $0) }

    let environment: [String: String]
    private let file: String

    init(in scratch: ScratchDirectory) throws {
        file = try scratch.write("clock", "+0d")
        environment = [
            "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        ]
    }

    func set(days: Int) throws {
        try "\(days < 0 ? "" : "+")\(days)d".write(toFile: file, atomically: true, encoding: .utf8)
    }
}
