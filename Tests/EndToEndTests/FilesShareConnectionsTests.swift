import Foundation
import HamsterTesting
import Testing

/// `next:1`: a connection takes one file after the other.
struct FilesShareConnectionsTests {
    private func request(_ name: String, _ words: String) -> String {
        "INIT STREAM web1:/\(name) ack:1 file:\(name) offset:0 \(words)\n"
    }

    @Test(arguments: [1, 7, 50, 1_000]) func `three files come on one connection, in pieces of any size`(
        pieceBytes: Int
    ) async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        let text =
            request("a", "size:3 next:1") + "one" + request("empty", "size:0 next:1") + request("b", "size:3 next:1")
            + "two"

        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try await connection.send(Array(rest.prefix(pieceBytes)))
            rest = rest.dropFirst(pieceBytes)
        }
        connection.finish()

        let lines = try await connection.linesUntilEnd()
        let granted = "200 OK Ready to accept data ack:1 offset:0 next:1"
        #expect(lines == [granted, "ACK 3", granted, "ACK 0", granted, "ACK 3"])
        for (name, content) in ["a": "one", "b": "two", "empty": ""] {
            #expect(deployment.scratch.contents("stored/web1/\(name)") == Array(content.utf8), "\(name)")
        }
        #expect(try await server.terminate() == 0)
    }

    @Test(arguments: ["next:1", "size:3 next:1 compress:zlib", "size:3", "size:3 next:0"])
    func `a file whose end can't be seen, or that asks for nothing, has its connection for itself`(
        words: String
    ) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send(request("a", words))
        let answer = try await connection.line()
        #expect(answer.hasPrefix("200 ") && !answer.contains("next"), "\(answer)")
    }

    @Test func `a file that is known whole is over at once, and one that is longer than announced is refused`()
        async throws
    {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send(request("a", "size:3 next:1") + "one")
        #expect(try await connection.line().hasPrefix("200 "))
        try await connection.waitForAcknowledgement(of: 3)

        try await connection.send(request("a", "size:3 next:1"))
        #expect(try await connection.line().contains(" offset:3 "))
        #expect(try await connection.line() == "ACK 3")
        try await connection.send(request("b", "size:3 next:1") + "one and more\n")
        #expect(try await connection.line().hasPrefix("200 "))
        #expect(try await connection.line() == "ACK 3")
        #expect(try await connection.line().hasPrefix("400 "))
        #expect(deployment.scratch.contents("stored/web1/b") == Array("one".utf8))
    }

    @Test func `between two files a connection ends with the server, and after a while`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer(extra: "[limits]\nhandshake_timeout = \"300ms\"")
        let left = try await RawConnection.greeted(port: deployment.port)
        try await left.send(request("a", "size:3 next:1") + "one")
        #expect(try await left.linesUntilEnd().last == "ACK 3")
        #expect(!server.errors.contains("refused"), "\(server.errors)")
        #expect(try await server.terminate() == 0)

        let stopped = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send(request("b", "size:3 next:1") + "one")
        #expect(try await connection.line().hasPrefix("200 "))
        #expect(try await connection.line() == "ACK 3")
        stopped.send(signal: SIGTERM)
        #expect(try await connection.linesUntilEnd() == ["503 server is stopping retry:1"])
        #expect(try await stopped.exitCode() == 0)
    }

    @Test func `a thousand files need as many connections as there may be`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try writeFiles(1_000, deployment)
        let client = try deployment.startClient(
            target: "max_connections = 8", input: "path = \"source/*.log\"\nmethod = \"once\"")
        let code = try await client.exitCode()
        #expect(code == 0, "\(client.errors.suffix(2_000))")

        expectStored(1_000, deployment)
        let connections = Set(server.errors.matches(of: /stream opened .*?stream=(\w+)/).map { String($0.1) })
        #expect(server.errors.ranges(of: "stream opened").count == 1_000)
        #expect((1...16).contains(connections.count), "\(connections.count) connections")
    }

    @Test func `whatever a killed server had of them, all arrive once`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        try writeFiles(1_000, deployment)
        let client = try deployment.startClient(
            target: "max_connections = 8", input: "path = \"source/*.log\"\nmethod = \"once\"")
        for count in [100, 400, 700] {
            try await eventually("\(count) outputs") { storedCount(deployment) >= count }
            server.send(signal: SIGKILL)
            _ = try await server.exitCode()
            server = try await deployment.startServer()
        }
        let code = try await client.exitCode()
        #expect(code == 0, "\(client.errors.suffix(2_000))")
        expectStored(1_000, deployment)
    }

    private func content(_ number: Int) -> String { String(repeating: "line of file \(number)\n", count: number % 50) }

    private func writeFiles(_ count: Int, _ deployment: Deployment) throws {
        for number in 0..<count { try deployment.scratch.append("source/\(number).log", content(number)) }
    }

    private func storedCount(_ deployment: Deployment) -> Int {
        let names = FileManager.default.enumerator(atPath: deployment.scratch("stored"))
        return names?.count { ($0 as? String)?.hasSuffix(".log") == true } ?? 0
    }

    private func expectStored(_ count: Int, _ deployment: Deployment) {
        let wrong = (0..<count).filter {
            deployment.stored("\($0).log") != Array(content($0).utf8)
        }
        #expect(wrong.prefix(10) == [])
    }
}
