import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterRateLimit
import HamsterState
import HamsterTail
import HamsterTesting
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import HamsterClient

/// One transfer of `a.log` without a socket; the test is the server, and drives the event loop.
final class TransferScene: Sendable {
    let directory: ScratchDirectory
    let file: TailedFile
    let channel: NIOAsyncTestingChannel
    let slots = ConnectionSlots(slotsMax: 1)
    let clock = ManualClock()
    private let endFuture: EventLoopFuture<TransferEnd>
    private let records = Mutex<[FileRecord]>([])

    init(
        _ text: String = "", offset: Int = 0, sizeLimit: UInt64? = nil, isCompressed: Bool = false,
        isPlaintext: Bool = false, bytesPerSecond: Int? = nil,
        compression: CompressionPool = CompressionPool(.singleton),
        flushInterval: TimeAmount = .zero, on channel: NIOAsyncTestingChannel = NIOAsyncTestingChannel(),
        wrap: @Sendable (any ReadableFile, ScratchDirectory) -> any ReadableFile = { file, _ in file }
    ) async throws {
        self.channel = channel
        directory = try ScratchDirectory()
        let path = SourcePath(try directory.write("a.log", text))
        let open = try LinuxFileSystem().open(path)
        let sent = Array(text.utf8.prefix(offset))
        let record = FileRecord(
            identity: try open.status().identity, path: SourcePath("/a.log"),
            position: SourcePosition(offset: UInt64(offset), tail: SourceTail(sent), head: SourceHead(sent)), seenAt: 0)
        file = TailedFile(
            wrap(open, directory), identity: record.identity, at: path, record: record, fileSystem: LinuxFileSystem(),
            budget: OpenFileBudget(filesMax: 8))
        file.limit(to: sizeLimit)
        let end = channel.eventLoop.makePromise(of: TransferEnd.self)
        endFuture = end.futureResult
        let request = StreamRequest(
            source: StreamSource(host: "web1", path: record.path),
            acknowledgement: .init(file: try #require(FileToken("f")), offset: record.position.offset),
            offersCompression: isCompressed)
        var transfer = Transfer(
            file: file, request: request,
            settings: FileTransfer.Settings(
                chunkBytesMin: 100, flushInterval: .nanoseconds(flushInterval.nanoseconds), closeIdle: .seconds(300)),
            rotation: RotationRule(rotateWait: .zero), slot: try #require(await slots.acquire()),
            limiter: RateLimiter(
                RateLimits(total: bytesPerSecond),
                RateLimiter.Scheduling(now: { [clock] in clock.now }) { [clock] in clock.schedule(in: $0, $1) }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            acknowledged: { [weak self] record in self?.records.withLock { $0.append(record) } })
        transfer.isPlaintext = isPlaintext
        try await channel.testingEventLoop.executeInContext { [channel, transfer] in
            try channel.pipeline.syncOperations.addHandler(SocketDouble())
            try channel.pipeline.syncOperations.addHandler(
                TransferHandler(
                    transfer: transfer, end: end, threadPool: .singleton, compression: compression,
                    buffer: ReadBuffer()))
        }
        try await channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1))
    }

    var acknowledged: [UInt64] { records.withLock { $0.map(\.position.offset) } }

    /// Says lines as the server.
    func say(_ lines: String...) async throws {
        try await channel.writeInbound(ByteBuffer(string: lines.map { $0 + "\n" }.joined()))
    }

    /// Opens the stream from `offset` on.
    func open(_ attributes: String = "offset:0") async throws {
        try await say("### hello", "STREAMID 9f2c1a4be07d")
        _ = try await next()
        try await say("200 OK ack:1 \(attributes)")
    }

    /// The next bytes that the client sends; `<shut>` where it shuts its side, nil after the end.
    func next() async throws -> String? { try await nextBytes().map { String(buffer: $0) } }

    /// The same for bytes that are no text.
    func nextBytes() async throws -> ByteBuffer? {
        try await awaited("bytes of the client", every: .betweenGlances) { () -> ByteBuffer?? in
            // In this order: what is written before the end must not be missed.
            let isActive = channel.isActive
            await channel.testingEventLoop.run()
            if let bytes = try await channel.readOutbound(as: ByteBuffer.self) { return bytes }
            return isActive ? nil : .some(nil)
        }
    }

    /// Whether the client has sent nothing more by now.
    func isQuiet() async throws -> Bool { try await channel.readOutbound(as: ByteBuffer.self) == nil }

    func fire(_ event: any Sendable) async throws {
        try await channel.testingEventLoop.executeInContext { [channel] in
            channel.pipeline.fireUserInboundEventTriggered(event)
        }
        await channel.testingEventLoop.run()
    }

    func closeServerSide() async throws { try await fire(ChannelEvent.inputClosed) }

    func advance(by time: TimeAmount) async { await channel.testingEventLoop.advanceTime(by: time) }

    /// How the transfer ended, in words.
    func outcome() async throws -> String {
        switch try await endFuture.get().outcome {
        case .ended: "ended"
        case .unknown: "unknown"
        case .otherContent: "other content"
        case .refused(let reply): "refused: \(reply)"
        case .failed(let error): "failed: \(error)"
        }
    }
}

/// What a socket does and an embedded channel does not: half-closure.
private final class SocketDouble: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else {
            context.close(mode: mode, promise: promise)
            return
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "<shut>")), promise: promise)
    }
}
