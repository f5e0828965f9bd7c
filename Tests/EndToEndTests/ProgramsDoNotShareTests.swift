import Foundation
import HamsterTesting
import Testing

/// What one process uses no second one may; what is damaged nobody guesses about.
struct ProgramsDoNotShareTests {
    @Test func `a second client on a state directory ends with 69`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.write("source/a.log", "a\n")
        let first = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", Array("a\n".utf8))

        let second = try deployment.startClient()

        #expect(try await second.exitCode() == 69)
        let expected = "loghamsterc: cannot use the state in \(deployment.scratch("client-state")): another loghamsterc"
        #expect(second.errors.split(separator: "\n").last?.hasPrefix(expected) == true, "\(second.errors)")
        #expect(first.isRunning)
    }

    @Test func `a second server on a state directory ends with 69`() async throws {
        let deployment = try await Deployment.plain()
        let first = try await deployment.startPlainServer()

        let second = try deployment.runServer(tls: "enabled = false")

        #expect(try await second.exitCode() == 69)
        #expect(second.errors.split(separator: "\n").last?.hasPrefix("loghamsterd: ") == true, "\(second.errors)")
        #expect(second.errors.contains(deployment.scratch("server-state")), "\(second.errors)")
        #expect(first.isRunning)
    }

    @Test func `a second server on an address ends with 69`() async throws {
        let deployment = try await Deployment.plain()
        let first = try await deployment.startPlainServer()
        let configuration = try #require(deployment.scratch.contents("server.toml"))
        let text = String(decoding: configuration, as: UTF8.self)
            .replacing("server-state", with: "other-state")
        let file = try deployment.scratch.write("other.toml", text)

        let second = try deployment.start("loghamsterd", ["--config", file])

        #expect(try await second.exitCode() == 69)
        let expected = "loghamsterd: cannot listen on 127.0.0.1:\(deployment.port): "
        #expect(second.errors.split(separator: "\n").last?.hasPrefix(expected) == true, "\(second.errors)")
        #expect(first.isRunning)
    }

    @Test func `a journal that is damaged in the middle ends the server with 74, and the byte is named`() async throws {
        let deployment = try await Deployment.plain()
        var server = try await deployment.startPlainServer()
        for number in 0..<5 {
            let connection = try await RawConnection.greeted(port: deployment.port)
            try await connection.open("web1:/\(number).log ack:1 file:f\(number) offset:0")
            try await connection.send("data")
            try await connection.waitForAcknowledgement(of: 4)
        }
        try await server.terminate()
        let journal = "server-state/journal"
        var bytes = try #require(deployment.scratch.contents(journal))
        bytes[bytes.count / 2] ^= 0xFF
        try deployment.scratch.write(journal, bytes)

        server = try deployment.runServer(tls: "enabled = false")

        #expect(try await server.exitCode() == 74, "\(server.errors)")
        #expect(server.errors.split(separator: "\n").last?.hasPrefix("loghamsterd: ") == true, "\(server.errors)")
        #expect(
            server.errors.contains(deployment.scratch(journal)) && server.errors.contains("byte"), "\(server.errors)")
        let isUntouched = deployment.scratch.contents(journal) == bytes
        #expect(isUntouched)
    }

    @Test func `an emptied journal ends the server with 74, and nothing is lost once it is restored`() async throws {
        let deployment = try await Deployment.plain()
        var server = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/a.log ack:1 file:f offset:0")
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
        try await server.terminate()
        let (journal, output) = ("server-state/journal", "stored/web1/a.log")
        let bytes = try #require(deployment.scratch.contents(journal))
        try deployment.scratch.write(journal, "")

        server = try deployment.runServer(tls: "enabled = false")

        #expect(try await server.exitCode() == 74, "\(server.errors)")
        let expected = "loghamsterd: \(deployment.scratch(journal)): is empty, "
        #expect(server.errors.split(separator: "\n").last?.hasPrefix(expected) == true, "\(server.errors)")
        #expect(deployment.scratch.contents(journal) == [])
        #expect(deployment.scratch.contents(output) == Array("data".utf8))

        try deployment.scratch.write(journal, bytes)
        _ = try await deployment.startPlainServer()
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("web1:/a.log ack:1 file:f offset:0")
        #expect(reply.contains(" offset:4 check:"), "\(reply)")
    }

    @Test func `a torn last record of the journal is dropped`() async throws {
        let deployment = try await Deployment.plain()
        var server = try await deployment.startPlainServer()
        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("web1:/a.log ack:1 file:f offset:0")
        try await first.send("data")
        try await first.waitForAcknowledgement(of: 4)
        try await server.killNow()
        let journals = try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("server-state"))
        let journal = "server-state/\(try #require(journals.first { $0.contains("journal") }))"
        try deployment.scratch.append(journal, [0, 0, 0])

        server = try await deployment.startPlainServer()
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("web1:/a.log ack:1 file:f offset:0")

        #expect(reply.contains(" offset:4 check:"), "\(reply)")
        #expect(server.errors.contains("torn end of the journal dropped"))
    }
}
