import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterRateLimit
import HamsterRouting
import HamsterStore
import HamsterTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterServer

@Suite(.timeLimit(.minutes(5))) struct StreamHandlerTests {
    private static let ready = "200 OK Ready to accept data ack:1 offset:0"

    @Test func `bytes are acknowledged once they are committed, and the last acknowledgement ends the stream`()
        async throws
    {
        let scene = try ServerScene()
        let (connection, reply) = try await scene.open("web1:/a.log ack:1 file:f")
        #expect(reply == Self.ready)

        try await connection.send("0123456789")
        try scene.store.commit()
        #expect(try await connection.line() == "ACK 10")
        try await connection.send("abcde")
        try await connection.shut()
        try scene.store.commit()
        #expect(try await connection.rest() == ["ACK 15"])
        #expect(scene.output("web1/a.log") == "0123456789abcde")
        #expect(scene.registry.count == 0)
    }

    @Test func `a file goes on where the server's record ends, with a check of what is before`() async throws {
        let scene = try ServerScene()
        let (first, _) = try await scene.open("web1:/a.log ack:1 file:f")
        try await first.send("123456789")
        try await first.shut()
        try scene.store.commit()
        _ = try await first.rest()

        let (_, reply) = try await scene.open("web1:/a.log ack:1 file:f offset:4")
        #expect(reply == "200 OK Ready to accept data ack:1 offset:9 check:cbf43926")
    }

    @Test func `an idle stream hears its last acknowledgement every 15 seconds`() async throws {
        let (connection, _) = try await ServerScene().open("web1:/a.log ack:1 file:f offset:7")
        await connection.advance(by: .milliseconds(14_999))
        #expect(try await connection.channel.readOutbound(as: ByteBuffer.self) == nil)
        await connection.advance(by: .milliseconds(1))
        #expect(try await connection.line() == "ACK 7")
        await connection.advance(by: .seconds(15))
        #expect(try await connection.line() == "ACK 7")
    }

    @Test func `a plain stream hears nothing`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log")
        try await connection.send("text")
        try scene.store.commit()
        await connection.advance(by: .minutes(1))
        #expect(try await connection.channel.readOutbound(as: ByteBuffer.self) == nil)
        try await connection.shut()
        #expect(try await connection.rest() == [])
        #expect(scene.output("web1/a.log") == "text")
    }

    @Test func `a new connection for a file takes it over, after a commit of what the old one brought`() async throws {
        let scene = try ServerScene()
        let (old, _) = try await scene.open("web1:/a.log ack:1 file:f", streamID: "00000000000a")
        try await old.send("12345")
        try await scene.committing {
            let (_, reply) = try await scene.open("web1:/a.log ack:1 file:f", streamID: "00000000000b")
            #expect(reply == "200 OK Ready to accept data ack:1 offset:5 check:cbf53a1c")
        }
        let lines = try await old.rest()
        #expect(lines.suffix(3) == ["ACK 5", "409 taken over by 00000000000b", "<shut>"])
    }

    @Test func `an earlier file of the same path makes way for its next`() async throws {
        let scene = try ServerScene()
        let (old, _) = try await scene.open("web1:/a.log ack:1 file:f1")
        try await old.send("old\n")
        let new = try await scene.committing {
            try await scene.open("web1:/a.log ack:1 file:f2", streamID: "000000000002")
        }
        #expect(new.reply == Self.ready)
        try await new.0.send("new\n")
        #expect(scene.output("web1/a.log") == "old\nnew\n")
    }

    @Test func `a stop commits and acknowledges, then says why`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log ack:1 file:f")
        try await connection.send("123")
        try await connection.fire(StopCommand.shutdown)
        try await connection.send("not taken any more")
        try scene.store.commit()

        #expect(try await connection.rest() == ["ACK 3", "503 server is stopping retry:1", "<shut>"])
        #expect(scene.output("web1/a.log") == "123")
    }

    @Test func `a failed output ends the stream with what is committed`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log ack:1 file:f")
        try await connection.send("123")
        try scene.store.commit()
        try await connection.send("45")
        try await connection.fire(StopCommand.outputFailed(StoreError(.lost, SourcePath("/x"))))

        #expect(
            try await connection.rest().suffix(3) == ["ACK 3", "507 the output cannot be written", "<shut>"])
    }

    @Test func `a lost connection leaves nothing behind`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log ack:1 file:f")
        try await connection.send("123")
        try await connection.channel.close()
        #expect(scene.registry.count == 0)

        let (_, reply) = try await scene.open("web1:/a.log ack:1 file:f")
        #expect(reply?.hasPrefix("200 OK Ready to accept data ack:1 offset:3 ") == true)
    }

    @Test func `silence ends a stream where the operator says so`() async throws {
        let scene = try ServerScene()
        let connection = try await scene.connect(idleTimeout: .seconds(60))
        try await connection.send("INIT STREAM web1:/a.log\n")
        _ = try await (connection.line(), connection.line(), connection.line())
        await connection.advance(by: .seconds(59))
        try await connection.send("x")
        await connection.advance(by: .seconds(59))
        #expect(connection.channel.isActive)
        await connection.advance(by: .seconds(1))
        #expect(try await connection.rest() == ["<shut>"])
    }
}

@Suite(.timeLimit(.minutes(5))) struct CompressedStreamTests {
    private func compressed(_ text: [UInt8]) throws -> [UInt8] {
        var bytes = ByteBuffer()
        try #require(Deflater()).deflate(ByteBuffer(bytes: text), into: &bytes)
        return Array(bytes.readableBytesView)
    }

    @Test func `offsets count uncompressed bytes`() async throws {
        let scene = try ServerScene()
        let (connection, reply) = try await scene.open("web1:/a.log ack:1 file:f compress:zlib")
        #expect(reply == "200 OK Ready to accept data ack:1 offset:0 compress:zlib")
        let bytes = try compressed([UInt8](repeating: 65, count: 100_000))
        try await connection.send(Array(bytes.prefix(7)))
        try await connection.send(Array(bytes.dropFirst(7)))
        try await connection.shut()
        try scene.store.commit()

        #expect(try await connection.rest().last == "ACK 100000")
        #expect(scene.directory.contents("out/web1/a.log")?.count == 100_000)
    }

    @Test func `what the decompressor still holds when all came is written, without another byte`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log compress:zlib")
        let size = { scene.directory.contents("out/web1/a.log")?.count ?? 0 }
        // A little more than one piece, and without the marks that a flush puts behind it.
        let bytes = try compressed([UInt8](repeating: 65, count: 256 * 1_024 + 100))
        try await connection.send(Array(bytes.dropLast(4)))
        for _ in 0..<20 { await connection.channel.testingEventLoop.run() }
        #expect(size() == 256 * 1_024 + 100)
    }

    @Test func `damaged data ends the stream with 400, and what was sound is acknowledged`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log ack:1 file:f compress:zlib")
        try await connection.send(try compressed(Array("sound".utf8)))
        try scene.store.commit()
        try await connection.send("this is no zlib data")

        #expect(
            try await connection.rest().suffix(3) == ["ACK 5", "400 compressed data is damaged", "<shut>"])
        #expect(scene.output("web1/a.log") == "sound")
    }

    @Test func `a bomb is written piece by piece`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("web1:/a.log compress:zlib")
        try await connection.send(try compressed([UInt8](repeating: 0, count: 8 << 20)))
        try await connection.shut()
        while connection.channel.isActive { await connection.channel.testingEventLoop.run() }
        #expect(scene.directory.contents("out/web1/a.log")?.count == 8 << 20)
    }

    @Test func `a bomb is written no faster than the stream's rate`() async throws {
        var rates = RateLimits()
        rates.perStream = 1 << 20
        let scene = try ServerScene(rates: rates)
        let (connection, _) = try await scene.open("web1:/a.log compress:zlib")
        let size = { scene.directory.contents("out/web1/a.log")?.count ?? 0 }
        try await connection.send(try compressed([UInt8](repeating: 0, count: 8 << 20)))
        try await connection.shut()
        for second in 0..<7 {
            for _ in 0..<20 { await connection.channel.testingEventLoop.run() }
            #expect(size() > second << 20 && size() <= (second + 1) << 20)
            for _ in 0..<20 {
                scene.clock.advance(by: .milliseconds(50))
                await connection.channel.testingEventLoop.run()
            }
        }
        while connection.channel.isActive {
            scene.clock.advance(by: .milliseconds(50))
            await connection.channel.testingEventLoop.run()
        }
        #expect(size() == 8 << 20)
    }

    @Test(arguments: [false, true])
    func `what comes unasked at the sender's end waits for its rate`(isCompressed: Bool) async throws {
        var rates = RateLimits()
        rates.perStream = 1 << 20
        let scene = try ServerScene(rates: rates)
        let (connection, _) = try await scene.open("web1:/a.log ack:1 file:f\(isCompressed ? " compress:zlib" : "")")
        let size = { scene.directory.contents("out/web1/a.log")?.count ?? 0 }
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
        // As NIO hands over what the kernel holds when the end comes, reads or none.
        let sent = isCompressed ? try compressed(bytes) : bytes
        for start in stride(from: 0, to: sent.count, by: 65_536) {
            try await connection.send(Array(sent[start..<min(start + 65_536, sent.count)]))
        }
        try await connection.shut()
        #expect(size() <= 512 << 10)
        var seconds = 0
        while size() < bytes.count {
            seconds += 1
            for _ in 0..<20 {
                scene.clock.advance(by: .milliseconds(50))
                await connection.channel.testingEventLoop.run()
            }
        }
        #expect(seconds >= 2 && seconds <= 4)
        try scene.store.commit()
        #expect(try await connection.rest().first == "ACK \(bytes.count)")
        let isSame = scene.directory.contents("out/web1/a.log") == bytes
        #expect(isSame)
    }
}
