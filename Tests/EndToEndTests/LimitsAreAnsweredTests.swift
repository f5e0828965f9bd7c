import Foundation
import HamsterTesting
import Testing

/// Reaching a limit is answered with 429, and disturbs nobody else.
struct LimitsAreAnsweredTests {
    @Test func `a connection over the limit hears 429 in place of the welcome`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[limits]\nmax_connections = 1")

        let first = try await RawConnection.greeted(port: deployment.port)
        let second = try RawConnection(port: deployment.port)
        #expect(try await second.linesUntilEnd() == ["429 too many connections retry:5"])
        #expect(second.ending == .finished)

        try await first.open("web1:/var/log/app.log")
    }

    @Test func `a stream over its host's limit hears 429, another host's is opened`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[limits]\nmax_streams_per_host = 1")

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("web1:/a.log ack:1 file:a offset:0")
        let second = try await RawConnection.greeted(port: deployment.port)
        #expect(try await second.ask("INIT STREAM web1:/b.log").wholeMatch(of: /429 .* retry:\d+/) != nil)
        #expect(try await second.linesUntilEnd() == [])
        let other = try await RawConnection.greeted(port: deployment.port)
        try await other.open("web2:/a.log")

        first.finish()
        #expect(try await first.linesUntilEnd().allSatisfy { $0.hasPrefix("ACK ") })
        let third = try await RawConnection.greeted(port: deployment.port)
        try await third.open("web1:/b.log")
    }

    @Test func `a stream that is silent for longer than idle_timeout is closed`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[limits]\nidle_timeout = \"300ms\"")

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send("INIT STREAM web1:/a.log ack:1 file:a offset:0\ndata")

        let lines = try await connection.linesUntilEnd()
        #expect(lines.last == "ACK 4", "nothing is wrong, so no error is said: \(lines)")
    }

    @Test func `a thousand idle connections don't disturb a transfer`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer(extra: "[limits]\nhandshake_timeout = \"10m\"")
        let bytes = logText(bytes: 1_000_000)
        let path = try deployment.scratch.write("source/app.log", bytes)

        let idle = try (0..<1_000).map { _ in try RawConnection(port: deployment.port) }
        let result = try await deployment.send([path], tls: "enabled = false")

        #expect(result.exitCode == 0, "\(result.errors)")
        let isSame = deployment.stored("app.log") == bytes
        #expect(isSame)
        // They were all served, and a stop reaches them all.
        for connection in idle { #expect(try await connection.line().hasPrefix("### ")) }
        server.send(signal: SIGTERM)
        for connection in idle {
            #expect(try await connection.linesUntilEnd().last == "503 server is stopping retry:1")
            connection.finish()
        }
        #expect(try await server.exitCode() == 0)
    }
}
