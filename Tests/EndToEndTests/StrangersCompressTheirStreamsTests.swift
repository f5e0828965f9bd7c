import Foundation
import HamsterTesting
import Testing

/// `compress:zlib`, with data that gzip(1) has compressed.
struct StrangersCompressTheirStreamsTests {
    private static let output = "stored/web1/var/log/app.log"

    @Test(arguments: ["", " ack:1 file:f offset:0"])
    func `a compressed stream is stored as it was before`(words: String) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 400_000)

        let connection = try await RawConnection.greeted(port: deployment.port)
        let reply = try await connection.open("web1:/var/log/app.log compress:zlib\(words)")
        try await connection.send(try await zlibStream(of: bytes, in: deployment.scratch))
        connection.finish()

        #expect(reply.split(separator: " ").contains("compress:zlib"), "\(reply)")
        let last = try await connection.linesUntilEnd().last
        #expect(last == (words.isEmpty ? nil : "ACK 400000"))
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    @Test func `another compression is not granted, and the data is taken as it comes`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()

        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.open("web1:/var/log/app.log compress:br") == "200 OK Ready to accept data")
        try await connection.send("plain")
        connection.finish()

        #expect(try await connection.linesUntilEnd() == [])
        #expect(deployment.scratch.contents(Self.output) == Array("plain".utf8))
    }

    @Test func `damaged data ends the stream with 400, and nothing behind the damage is stored`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let bytes = logText(bytes: 60_000)
        // One block that is stored as it is (RFC 1951, section 3.2.4), and a block of a type that there isn't.
        let compressed = [0x78, 0x01, 0x00] + littleEndian(30_000) + littleEndian(~30_000) + bytes[..<30_000] + [0x06]

        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/var/log/app.log ack:1 file:f offset:0 compress:zlib")
        try await connection.send(compressed)
        let lines = try await connection.linesUntilEnd()

        #expect(lines.last?.hasPrefix("400 ") == true, "\(lines)")
        try await server.waitForError("stream failed")
        // What was acknowledged stands, and the rest can be sent.
        let second = try await RawConnection.greeted(port: deployment.port)
        let reply = try await second.open("web1:/var/log/app.log ack:1 file:f offset:0")
        let offset = try #require(reply.firstMatch(of: /offset:(\d+)/).flatMap { Int($0.1) })
        #expect(offset <= 30_000)
        try await second.send(Array(bytes[offset...]))
        second.finish()
        try await second.waitForAcknowledgement(of: 60_000)
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
    }

    private func littleEndian(_ number: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
    }

    /// gzip's DEFLATE data in zlib's wrapping.
    private func zlibStream(of bytes: [UInt8], in scratch: ScratchDirectory) async throws -> [UInt8] {
        try scratch.write("to-compress", bytes)
        let gzip = try ChildProcess("/bin/sh", ["-c", "gzip -nc to-compress > compressed.gz"], in: scratch)
        guard try await gzip.exitCode() == 0, let file = scratch.contents("compressed.gz") else {
            throw TestingError("gzip: \(gzip.errors)")
        }
        // RFC 1952: 10 bytes before the data where there is no name, 8 behind it.
        let checksum = adler32(bytes)
        let end = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: checksum >> $0) }
        return [0x78, 0x9C] + file.dropFirst(10).dropLast(8) + end
    }
}
