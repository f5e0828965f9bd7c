import Foundation
import HamsterTesting
import Testing

/// Acknowledged streams, spoken by hand: offsets, checks, takeover, refusals in the middle.
struct StrangersResumeAcknowledgedStreamsTests {
    private static let stream = "web1:/var/log/app.log svc:app ack:1 file:token-1"
    private static let output = "stored/web1/var/log/app.log"

    @Test func `every byte is acknowledged, the last before the close`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 200_000)

        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.open("\(Self.stream) offset:0") == "200 OK Ready to accept data ack:1 offset:0")
        try await connection.send(Array(bytes[..<100_000]))
        try await connection.waitForAcknowledgement(of: 100_000)
        try await connection.send(Array(bytes[100_000...]))
        connection.finish()
        try await connection.waitForAcknowledgement(of: 200_000)

        #expect(try await connection.linesUntilEnd() == [])
        #expect(connection.ending == .finished)
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    @Test(arguments: [0, 7, 5_000])
    func `after a reset the server says where to go on, whatever the client believes`(believed: Int) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 3_000)

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("\(Self.stream) offset:0")
        try await first.send(Array(bytes[..<1_000]))
        try await first.waitForAcknowledgement(of: 1_000)
        first.reset()
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("\(Self.stream) offset:\(believed)")
        try await second.send(Array(bytes[1_000...]))
        second.finish()
        try await second.waitForAcknowledgement(of: 3_000)

        #expect(reply == "200 OK Ready to accept data ack:1 offset:1000 check:\(crc32Text(bytes[936..<1_000]))")
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    @Test func `the check covers what there is where that is less than 64 bytes`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("\(Self.stream) offset:0")
        try await first.send("123456789")
        first.finish()
        try await first.waitForAcknowledgement(of: 9)
        let second = try await RawConnection.greeted(port: deployment.port)

        // The check value that every description of CRC-32 gives for these nine digits.
        let expected = "200 OK Ready to accept data ack:1 offset:9 check:cbf43926"
        #expect(try await second.open("\(Self.stream) offset:9") == expected)
    }

    @Test func `without a record the client's offset counts`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        let reply = try await connection.open("\(Self.stream) offset:500")
        try await connection.send("the rest")
        connection.finish()
        try await connection.waitForAcknowledgement(of: 508)

        #expect(reply == "200 OK Ready to accept data ack:1 offset:500")
        #expect(deployment.scratch.contents(Self.output) == Array("the rest".utf8))
    }

    @Test func `a record outlives the server`() async throws {
        let deployment = try await Deployment.plain()
        var server = try await deployment.startPlainServer()
        let bytes = logText(bytes: 2_000)

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("\(Self.stream) offset:0")
        try await first.send(Array(bytes[..<1_500]))
        try await first.waitForAcknowledgement(of: 1_500)
        try await server.killNow()
        server = try await deployment.startPlainServer()
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("\(Self.stream) offset:0")
        try await second.send(Array(bytes[1_500...]))
        second.finish()
        try await second.waitForAcknowledgement(of: 2_000)

        #expect(reply.contains(" offset:1500 check:"), "\(reply)")
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    @Test func `another token is another file, whose bytes follow`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        for (token, text) in ["a": "first\n", "b": "second\n"].sorted(by: { $0.key < $1.key }) {
            let connection = try await RawConnection.greeted(port: deployment.port)
            let reply = try await connection.open("web1:/var/log/app.log ack:1 file:\(token) offset:0")
            #expect(reply == "200 OK Ready to accept data ack:1 offset:0")
            try await connection.send(text)
            connection.finish()
            try await connection.waitForAcknowledgement(of: text.utf8.count)
        }

        #expect(deployment.scratch.contents(Self.output) == Array("first\nsecond\n".utf8))
    }

    @Test(arguments: ["token-1", "token-2"])
    func `a new connection takes the stream over`(token: String) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 1_000)

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("\(Self.stream) offset:0")
        try await first.send(bytes)
        try await first.waitForAcknowledgement(of: 1_000)
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("web1:/var/log/app.log ack:1 file:\(token) offset:0")

        let offset = token == "token-1" ? "offset:1000 check:\(crc32Text(bytes.suffix(64)))" : "offset:0"
        #expect(reply == "200 OK Ready to accept data ack:1 \(offset)")
        #expect(try await first.linesUntilEnd().last == "409 taken over by \(second.streamID)")
        try await second.send("more")
        second.finish()
        try await second.waitForAcknowledgement(of: token == "token-1" ? 1_004 : 4)
        let isSame = deployment.scratch.contents(Self.output) == bytes + Array("more".utf8)
        #expect(isSame)
    }

    @Test func `what a taken over connection had sent is committed first`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[durability]\ncommit_interval = \"60s\"")

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("\(Self.stream) offset:0")
        try await first.send("twelve bytes")
        try await eventually("the bytes in the output") {
            deployment.scratch.contents(Self.output) == Array("twelve bytes".utf8)
        }
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("\(Self.stream) offset:0")

        #expect(reply.contains(" offset:12 check:"), "\(reply)")
        #expect(try await first.linesUntilEnd().suffix(2) == ["ACK 12", "409 taken over by \(second.streamID)"])
    }

    @Test func `an output of one source refuses a second one with 409 while it is in use`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(
            extra: "[output.app]\npath = \"app.log\"\nframing = \"bytes\"")

        let first = try await RawConnection.greeted(port: deployment.port)
        try await first.open("web1:/a.log svc:app ack:1 file:a offset:0")
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.ask("INIT STREAM web2:/a.log svc:app ack:1 file:b offset:0")
        #expect(reply.wholeMatch(of: /409 .* retry:\d+/) != nil, "\(reply)")
        first.finish()
        #expect(try await first.linesUntilEnd().allSatisfy { $0.hasPrefix("ACK ") })

        try await second.open("web2:/a.log svc:app ack:1 file:b offset:0")
    }

    @Test func `a stopping server acknowledges what came, says 503 and ends within its grace`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer(extra: "[durability]\ncommit_interval = \"60s\"")
        let bytes = logText(bytes: 50_000)

        let opening = try await RawConnection.greeted(port: deployment.port)
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("\(Self.stream) offset:0")
        try await connection.send(bytes)
        try await eventually("the bytes in the output") { deployment.scratch.contents(Self.output)?.count == 50_000 }
        server.send(signal: SIGTERM)

        #expect(try await connection.linesUntilEnd().suffix(2) == ["ACK 50000", "503 server is stopping retry:1"])
        #expect(try await opening.linesUntilEnd() == ["503 server is stopping retry:1"])
        for connection in [opening, connection] { connection.finish() }
        #expect(try await server.exitCode() == 0)
    }

    @Test func `a stopping server waits no longer than its grace for those who never close`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer(extra: "[limits]\nshutdown_grace = \"300ms\"")
        let opening = try await RawConnection.greeted(port: deployment.port)
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("\(Self.stream) offset:0")
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)

        #expect(try await server.terminate() == 0)

        #expect(server.errors.contains("closing connections that did not end in time"), "\(server.errors)")
        #expect(try await connection.linesUntilEnd().last == "503 server is stopping retry:1")
        #expect(try await opening.linesUntilEnd() == ["503 server is stopping retry:1"])
    }
}
