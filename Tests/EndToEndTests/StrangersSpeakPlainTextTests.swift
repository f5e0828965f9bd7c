import Foundation
import HamsterTesting
import Testing

/// The protocol as anybody can speak it with a socket: opening a stream, being refused, sending plain data.
struct StrangersSpeakPlainTextTests {
    private static let output = "stored/web1/var/log/app.log"

    @Test func `the server greets with its version and a stream's number of 12 hexadecimal digits`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let connection = try RawConnection(port: deployment.port)

        #expect(try await connection.line() == "### Welcome to LogHamster server v0.1")
        let line = try await connection.line()
        #expect(line.wholeMatch(of: /STREAMID [0-9a-f]{12}/) != nil, "\(line)")
        try await connection.open("web1:/var/log/app.log svc:app env:prod")
        try await server.waitForError("stream=\(line.dropFirst("STREAMID ".count))")
    }

    @Test func `plain data is stored as it came, and the server says nothing more`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 300_000) + [0, 255, 13, 10, 0]

        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.open("web1:/var/log/app.log") == "200 OK Ready to accept data")
        try await connection.send(bytes)
        connection.finish()

        #expect(try await connection.linesUntilEnd() == [])
        #expect(connection.ending == .finished)
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    @Test(arguments: ["\n", "\r\n"])
    func `the request and data in one packet, then the end`(lineEnd: String) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try RawConnection(port: deployment.port)
        try await connection.send("INIT STREAM web1:/var/log/app.log\(lineEnd)first\r\nsecond")
        connection.finish()

        let lines = try await connection.linesUntilEnd()
        #expect(lines.dropFirst(2) == ["200 OK Ready to accept data"])
        #expect(deployment.scratch.contents(Self.output) == Array("first\r\nsecond".utf8))
    }

    @Test func `a request that comes byte by byte`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        for byte in Array("INIT STREAM web1:/var/log/app.log\ndata".utf8) { try await connection.send([byte]) }
        connection.finish()

        #expect(try await connection.linesUntilEnd() == ["200 OK Ready to accept data"])
        #expect(deployment.scratch.contents(Self.output) == Array("data".utf8))
    }

    @Test func `names with blanks, percent signs and umlauts are stored decoded`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("[2001:db8::1]:/var/log/a%20b%25%c3%bc:c.log")
        try await connection.send("data")
        connection.finish()

        #expect(try await connection.linesUntilEnd() == [])
        #expect(deployment.scratch.contents("stored/2001:db8::1/var/log/a b%ü:c.log") == Array("data".utf8))
    }

    @Test func `a malformed request is refused with 400 and the words that are wrong`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        for (request, expected) in Self.malformed {
            let connection = try await RawConnection.greeted(port: deployment.port)
            let reply = try await connection.ask(request)
            #expect(reply.hasPrefix("400 ") && reply.contains(expected), "\(request): \(reply)")
            #expect(reply.utf8.allSatisfy { (0x20...0x7E).contains($0) } && reply.count <= 204)
            // It may try again, and then it is served.
            try await connection.open("web1:/var/log/\(connection.streamID).log")
        }
    }

    private static let malformed: KeyValuePairs = [
        "HELO": "expected 'INIT STREAM host:/path', got 'HELO'",
        "": "expected 'INIT STREAM host:/path'",
        "INIT STREAM": "expected 'INIT STREAM host:/path'",
        "INIT STREAM web1:/a  svc:x": "expected key:value separated by single spaces",
        "INIT STREAM web1:/a Svc:x": "got 'Svc:x'",
        "INIT STREAM web1:/a novalue": "got 'novalue'",
        "INIT STREAM web1:/a \(String(repeating: "k", count: 33)):x": "expected key:value",
        "INIT STREAM web1:/a env:a env:b": "duplicate key 'env'",
        "INIT STREAM -web1:/a": "-web1",
        "INIT STREAM .web1:/a": ".web1",
        "INIT STREAM ../etc:/a": "../etc",
        "INIT STREAM we%00b:/a": "host must be",
        "INIT STREAM web1:relative": "expected host:/path, got 'web1:relative'",
        "INIT STREAM \(String(repeating: "h", count: 254)):/a": "host must be 1 to 253",
        "INIT STREAM web1:/a/../b": "'..'",
        "INIT STREAM web1:/a/%2e%2e/b": "'..'",
        "INIT STREAM web1:/a/./b": "'.'",
        "INIT STREAM web1:/a//b": "path component",
        "INIT STREAM web1:/a/": "path component",
        "INIT STREAM web1:/a%00b": "without NUL",
        "INIT STREAM web1:/a%2": "%2",
        "INIT STREAM web1:/a%zz": "%zz",
        "INIT STREAM web1:/\(String(repeating: "n", count: 256))": "1 to 255 bytes",
        "INIT STREAM web1:/a ack:1": "ack:1 needs file:TOKEN",
        "INIT STREAM web1:/a ack:2 file:f": "got '2'",
        "INIT STREAM web1:/a ack:1 file:a/b": "got 'a/b'",
        "INIT STREAM web1:/a ack:1 file:f offset:-1": "got '-1'",
        "INIT STREAM web1:/a ack:1 file:f offset:99999999999999999999": "got '99999999999999999999'",
    ]

    @Test func `a stream that no output takes is refused with 404`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(
            root: "fallback = false", extra: "[output.app]\npath = \"app.log\"")

        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.ask("INIT STREAM web1:/a/b svc:other") == "404 no output takes '/a/b'")
        try await connection.open("web1:/a/b svc:app")
        try await connection.send("a line\n")
        connection.finish()

        #expect(try await connection.linesUntilEnd() == [])
        #expect(deployment.scratch.contents("stored/app.log") == Array("a line\n".utf8))
    }

    @Test func `a line without end is refused with 413, and the connection is closed`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send([UInt8](repeating: UInt8(ascii: "a"), count: 8_192))

        #expect(try await connection.linesUntilEnd() == ["413 line is longer than 8192 bytes"])
        #expect(connection.ending == .finished)
    }

    @Test func `the longest line that is allowed is served`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let start = "web1:/var/log/app.log note:"

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open(start + String(repeating: "x", count: 8_191 - "INIT STREAM ".count - start.count))
    }

    @Test func `three failed attempts end the connection`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.send("one\ntwo\nthree\nINIT STREAM web1:/var/log/app.log\ndata")

        let lines = try await connection.linesUntilEnd()
        #expect(lines.count == 3 && lines.allSatisfy { $0.hasPrefix("400 ") }, "\(lines)")
        #expect(deployment.scratch.contents(Self.output) == nil)
    }

    @Test(arguments: ["", "INIT STR"])
    func `who opens no stream in time is disconnected`(beginning: String) async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer(extra: "[limits]\nhandshake_timeout = \"300ms\"")

        let connection = try RawConnection(port: deployment.port)
        try await connection.send(beginning)

        #expect(try await connection.linesUntilEnd(timeout: .seconds(10)).count <= 2)
        try await server.waitForError("no stream was opened in time")
    }

    @Test func `binary junk ends the connection and nothing else`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()

        for _ in 0..<20 {
            let connection = try RawConnection(port: deployment.port)
            try await connection.send((0..<20_000).map { _ in UInt8.random(in: 0...255) })
            connection.finish()
            let lines = try await connection.linesUntilEnd()
            #expect(lines.allSatisfy { !$0.hasPrefix("200") })
        }
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/var/log/app.log")

        // A line of the log is a line, whatever was in the request.
        #expect(server.errors.utf8.allSatisfy { $0 == 10 || $0 >= 0x20 })
        #expect(server.isRunning)
    }
}
