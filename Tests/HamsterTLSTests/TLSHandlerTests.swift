import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterTLS

/// The handler in channels without sockets, where the test carries the bytes and moves the clock.
@Suite struct TLSHandlerTests {
    let credentials: Credentials

    init() throws { credentials = try Credentials() }

    @Test func `two channels shake hands and exchange bytes`() throws {
        let pair = try EmbeddedPair(credentials)

        try pair.carry()
        try pair.client.channel.writeOutbound(ByteBuffer(string: "hello"))
        try pair.carry()

        #expect(pair.server.recorder.text == "hello")
        #expect(pair.client.recorder.handshakes.count == 1 && pair.server.recorder.handshakes.count == 1)
    }

    @Test func `nine bytes that announce a huge message end the connection`() throws {
        let pair = try EmbeddedPair(credentials)

        try pair.server.channel.writeInbound(ByteBuffer(bytes: [22, 3, 1, 2, 0, 1, 2, 0, 0]))

        #expect(
            try pair.server.channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, 47]))
        #expect(
            pair.server.recorder.errors.map { "\($0)" } == [
                "client: the client's first message has more than 8192 bytes"
            ])
        // The peer may still read the alert; once it has gone, nothing is left of the connection.
        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!pair.server.channel.isActive)
    }

    @Test func `several writes before one flush arrive by one read`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        for word in ["one ", "flush, ", "one read"] {
            pair.client.channel.write(ByteBuffer(string: word), promise: nil)
        }
        pair.client.channel.flush()
        try pair.carry()

        #expect(pair.server.recorder.text == "one flush, one read")
        #expect(pair.server.recorder.sights.count { if case .bytes = $0 { true } else { false } } == 1)
    }

    @Test func `every write's promise is kept`() throws {
        let pair = try EmbeddedPair(credentials)
        let early = pair.client.channel.write(ByteBuffer(string: "early"))
        try pair.carry()
        let empty = pair.client.channel.write(ByteBuffer())
        let late = pair.client.channel.write(ByteBuffer(string: "late"))
        pair.client.channel.flush()

        try early.wait()
        try empty.wait()
        try late.wait()

        try pair.carry()
        #expect(pair.server.recorder.text == "earlylate")
    }

    @Test func `too much before the handshake is an error`() throws {
        let pair = try EmbeddedPair(credentials)

        let first = pair.client.channel.write(ByteBuffer(repeating: 1, count: EarlyWrites.bytesMax))
        let second = pair.client.channel.write(ByteBuffer(repeating: 1, count: 1))

        #expect(throws: TLSError.self) { try first.wait() }
        #expect(throws: TLSError.self) { try second.wait() }
        #expect(pair.client.recorder.tlsErrors.map(\.code) == [.earlyWritesExceeded])
        #expect(!pair.client.channel.isActive)
    }

    @Test func `the end of the socket without close_notify is a truncation`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)

        #expect(pair.server.recorder.tlsErrors.map(\.code) == [.truncated])
        #expect(pair.server.recorder.inputClosedCount == 0)
        #expect(!pair.server.channel.isActive)
    }

    @Test func `the end of the socket after close_notify is told once`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        pair.client.channel.close(mode: .output, promise: nil)
        try pair.carry()
        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)

        #expect(pair.server.recorder.inputClosedCount == 1)
        #expect(pair.server.recorder.errors.isEmpty)
    }

    @Test func `the end of the socket during the handshake is an error`() throws {
        let pair = try EmbeddedPair(credentials)

        pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)

        #expect(
            pair.server.recorder.tlsErrors.map(\.description)
                == ["client: the peer closed the connection during the TLS handshake"])
        #expect(pair.server.recorder.tlsErrors.map(\.code) == [.closedDuringHandshake])
        #expect(!pair.server.channel.isActive)
    }

    @Test func `a handshake that isn't done in time is an error`() throws {
        let pair = try EmbeddedPair(credentials)
        let write = pair.server.channel.write(ByteBuffer(string: "never"))

        pair.server.channel.embeddedEventLoop.advanceTime(by: .seconds(10))

        #expect(pair.server.recorder.tlsErrors.map(\.code) == [.handshakeTimeout])
        #expect(throws: TLSError.self) { try write.wait() }
        #expect(!pair.server.channel.isActive)
    }

    @Test func `the deadline ends with the handshake`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        pair.server.channel.embeddedEventLoop.advanceTime(by: .hours(1))

        #expect(pair.server.recorder.errors.isEmpty && pair.server.channel.isActive)
    }

    @Test func `everybody who closes is told when it is done`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        let closes = (0..<2).map { _ in pair.client.channel.close() }
        pair.client.channel.embeddedEventLoop.run()

        try closes[0].wait()
        #expect(throws: ChannelError.alreadyClosed) { try closes[1].wait() }
        #expect(!pair.client.channel.isActive)
    }

    @Test func `an error is told once`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()

        for _ in 0..<3 { try pair.server.channel.writeInbound(ByteBuffer(string: "this is no TLS record")) }
        pair.server.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "read"))

        #expect(pair.server.recorder.errors.count == 1)
    }

    @Test func `a peer that only makes us talk is cut off`() throws {
        let pair = try EmbeddedPair(credentials)
        try pair.carry()
        pair.server.channel.isWritable = false

        var updates = 0
        while pair.server.channel.isActive, updates < 10_000 {
            try pair.client.requestKeyUpdate(at: pair.server.channel)
            updates += 1
        }

        #expect(pair.server.recorder.tlsErrors.map(\.code) == [.protocolViolation])
    }
}
