import HamsterTLS
import NIOCore
import NIOEmbedded

/// One end of a connection: a `TLSHandler` in a channel without a socket, and what the handler behind it has seen.
final class TLSEnd {
    /// What is sent when the handshake is done.
    private let greeting: [UInt8]
    private let channel: EmbeddedChannel
    private let witness: Witness
    private weak var handler: TLSHandler?

    init(_ context: TLSContext, greeting: [UInt8] = []) throws {
        self.greeting = greeting
        let handler = TLSHandler(context: context, peerName: "peer", handshakeTimeout: .seconds(10))
        self.handler = handler
        witness = Witness(greeting: greeting)
        channel = EmbeddedChannel(handlers: [handler, witness])
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    var received: [UInt8] { witness.received }
    var isEstablished: Bool { witness.handshakes > 0 }

    /// What came from the peer. Nothing does after the channel has closed.
    func receive(_ bytes: some Sequence<UInt8>) throws {
        guard channel.isActive else { return }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// The peer's socket has come to its end.
    func endInput() {
        guard channel.isActive else { return }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// All that goes to the peer.
    func takeOutput() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    /// Lets all deadlines pass, closes the channel, and throws what this end has done wrong.
    func finish() throws {
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        let isSettled = isEstablished || !channel.isActive
        try demand(isSettled, "the handshake is neither done nor over after a minute")
        let leftovers = try channel.finish(acceptAlreadyClosed: true)
        channel.embeddedEventLoop.run()
        if case .leftOvers(let inbound, _, let pending) = leftovers {
            try demand(inbound.isEmpty && pending.isEmpty, "bytes are left in the channel")
        }
        try demand(witness.handshakes <= 1, "\(witness.handshakes) handshakes")
        try demand(witness.errors.count <= 1, "\(witness.errors.count) errors: \(witness.errors)")
        for error in witness.errors { try demandOneLine("\(error)", bytesMax: 4_000) }
        try demand(handler == nil, "the handler is not released")
    }
}

/// The handler behind: it takes everything, and writes as soon as it may.
private final class Witness: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let greeting: [UInt8]
    private(set) var received: [UInt8] = []
    private(set) var handshakes = 0
    private(set) var errors: [any Error] = []

    init(greeting: [UInt8]) { self.greeting = greeting }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is TLSHandshakeCompleted else { return }
        handshakes += 1
        guard !greeting.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { errors.append(error) }
}
