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

    @Test func `a host's new files over its limit hear 429, and known ones go on`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[limits]\nmax_files_per_host = 3")
        let invented = ["web1:/a.log ack:1 file:a offset:0", "web1:/b.log ack:1 file:b offset:0", "WEB1:/plain.log"]

        for request in invented { try await close(try await open(request, deployment)) }

        for request in ["Web1:/c.log ack:1 file:c offset:0", "web1:/c.log"] {
            let connection = try await RawConnection.greeted(port: deployment.port)
            let answer = try await connection.ask("INIT STREAM \(request)")
            #expect(answer.wholeMatch(of: Self.hasTooManyFiles) != nil, "\(answer)")
        }
        _ = try await open("WEB1:/plain.log", deployment)
        _ = try await open("web2:/c.log ack:1 file:c offset:0", deployment)
    }

    @Test func `a host's files are known after a restart`() async throws {
        let deployment = try await Deployment.plain()
        let extra = "[limits]\nmax_files_per_host = 2"
        let server = try await deployment.startPlainServer(extra: extra)
        for name in ["a", "b"] {
            let connection = try await open("web1:/\(name).log ack:1 file:\(name) offset:0", deployment)
            try await connection.send("x")
            try await close(connection)
        }
        server.send(signal: SIGTERM)
        #expect(try await server.exitCode() == 0)

        _ = try await deployment.startPlainServer(extra: extra)

        let new = try await RawConnection.greeted(port: deployment.port)
        let answer = try await new.ask("INIT STREAM web1:/c.log ack:1 file:c offset:0")
        #expect(answer.wholeMatch(of: Self.hasTooManyFiles) != nil, "\(answer)")
        _ = try await open("web1:/b.log ack:1 file:b offset:1", deployment)
    }

    private static var hasTooManyFiles: Regex<Substring> { /429 .*max_files_per_host.* retry:\d+/ }

    private func open(_ request: String, _ deployment: Deployment) async throws -> RawConnection {
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open(request)
        return connection
    }

    private func close(_ connection: RawConnection) async throws {
        connection.finish()
        #expect(try await connection.linesUntilEnd().allSatisfy { $0.hasPrefix("ACK ") })
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
