import NIOCore
import NIOPosix
import Synchronization

@testable import HamsterTLS

/// What a channel's last handler saw, for a test to wait for.
final class Recorder: Sendable {
    /// One thing that a handler behind `TLSHandler` is told.
    enum Sight: Sendable {
        case active
        case handshake(TLSHandshakeCompleted)
        case bytes(Int)
        case inputClosed
        case unwritable
        case error(any Error)
        case inactive
    }

    private struct Record {
        var sights: [Sight] = []
        var text: [UInt8] = []
        var byteCount = 0
    }

    /// Bytes that are kept to look at; more are only counted.
    static let keptBytesMax = 1 << 20

    private let record = Mutex(Record())
    private let changes = Changes()

    func note(_ sight: Sight) {
        record.withLock { $0.sights.append(sight) }
        changes.signal()
    }

    func note(_ buffer: ByteBuffer) {
        record.withLock { record in
            record.byteCount += buffer.readableBytes
            record.sights.append(.bytes(buffer.readableBytes))
            if record.text.count < Self.keptBytesMax { record.text += buffer.readableBytesView }
        }
        changes.signal()
    }

    /// Returns once `condition` holds; the suite's time limit bounds the wait.
    func until(_ condition: (Recorder) -> Bool) async {
        await changes.until { condition(self) }
    }

    var sights: [Sight] { record.withLock { $0.sights } }
    var byteCount: Int { record.withLock { $0.byteCount } }
    var text: String { record.withLock { String(decoding: $0.text, as: UTF8.self) } }
    var handshake: TLSHandshakeCompleted? { handshakes.first }
    var handshakes: [TLSHandshakeCompleted] {
        sights.compactMap { if case .handshake(let completed) = $0 { completed } else { nil } }
    }
    var errors: [any Error] {
        sights.compactMap { if case .error(let error) = $0 { error } else { nil } }
    }
    var tlsErrors: [TLSError] { errors.compactMap { $0 as? TLSError } }
    var inputClosedCount: Int {
        sights.count { if case .inputClosed = $0 { true } else { false } }
    }
    var inactiveCount: Int {
        sights.count { if case .inactive = $0 { true } else { false } }
    }
    var isInactive: Bool { inactiveCount > 0 }
}

/// The last handler of a test's channel: records all, and does what the test wants at the peer's end.
final class RecordingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What to do besides recording.
    enum Behaviour: Sendable {
        case record
        /// Sends back all that comes, and half-closes when the peer does.
        case echo
        /// Half-closes when the peer does.
        case closeAfterPeer
        /// Sends so many bytes after the handshake, then half-closes.
        case send(Int)
        /// Reads no more after the first bytes.
        case readOnce
        /// Asks for every read, in a channel that doesn't read by itself; otherwise as `closeAfterPeer`.
        case pull
    }

    private let recorder: Recorder
    private let behaviour: Behaviour
    private var bytesToSend = 0
    private static let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 * 1024)

    init(_ recorder: Recorder, _ behaviour: Behaviour) {
        self.recorder = recorder
        self.behaviour = behaviour
    }

    func channelActive(context: ChannelHandlerContext) { recorder.note(.active) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        recorder.note(unwrapInboundIn(data))
        switch behaviour {
        case .echo: context.writeAndFlush(data, promise: nil)
        case .readOnce: _ = context.channel.setOption(.autoRead, value: false)
        case .pull: context.read()
        case .record, .closeAfterPeer, .send: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let completed = event as? TLSHandshakeCompleted {
            recorder.note(.handshake(completed))
            if case .pull = behaviour { context.read() }
            if case .send(let count) = behaviour {
                bytesToSend = count
                sendMore(context)
            }
        }
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            recorder.note(.inputClosed)
            switch behaviour {
            case .record, .send, .readOnce: break
            case .echo, .closeAfterPeer, .pull: context.close(mode: .output, promise: nil)
            }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { recorder.note(.unwritable) }
        sendMore(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { recorder.note(.error(error)) }

    func channelInactive(context: ChannelHandlerContext) { recorder.note(.inactive) }

    private func sendMore(_ context: ChannelHandlerContext) {
        guard bytesToSend > 0 else { return }
        while bytesToSend > 0, context.channel.isWritable {
            var chunk = Self.chunk
            if bytesToSend < chunk.readableBytes { chunk.moveWriterIndex(to: bytesToSend) }
            bytesToSend -= chunk.readableBytes
            context.writeAndFlush(wrapOutboundOut(chunk), promise: nil)
        }
        if bytesToSend == 0 { context.close(mode: .output, promise: nil) }
    }
}

/// A listener or a connection of a test, with `TLSHandler` in its pipeline.
enum Peers {
    static func listen(
        _ context: TLSContext, _ recorder: Recorder, _ behaviour: RecordingHandler.Behaviour = .closeAfterPeer,
        handshakeTimeout: TimeAmount = .seconds(10)
    ) async throws -> any Channel {
        let isReadingByItself = if case .pull = behaviour { false } else { true }
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: isReadingByItself)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                add(context, "client", handshakeTimeout, recorder, behaviour, to: channel)
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    static func connect(
        to port: Int, _ context: TLSContext, _ recorder: Recorder,
        _ behaviour: RecordingHandler.Behaviour = .closeAfterPeer, handshakeTimeout: TimeAmount = .seconds(10)
    ) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                add(context, "log.example.org:\(port)", handshakeTimeout, recorder, behaviour, to: channel)
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    private static func add(
        _ context: TLSContext, _ peerName: String, _ timeout: TimeAmount, _ recorder: Recorder,
        _ behaviour: RecordingHandler.Behaviour, to channel: any Channel
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(TLSHandler(context: context, peerName: peerName, handshakeTimeout: timeout))
            try operations.addHandler(RecordingHandler(recorder, behaviour))
        }
    }
}

/// Wakes a waiting test at every change, so that it needn't poll.
struct Changes: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func signal() { continuation.yield() }

    func until(_ condition: () -> Bool) async {
        if condition() { return }
        for await _ in stream where condition() { return }
    }
}
