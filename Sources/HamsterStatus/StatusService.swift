internal import HamsterNetwork
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Answers each connection to the status socket with one document, and closes it.
package struct StatusService: Service {
    /// Bounds on those who ask.
    package struct Limits: Sendable, Hashable {
        /// Connections at once; more are closed without an answer.
        package var connectionsMax = 16
        /// How long one may take to read its answer.
        package var timeout: Duration = .seconds(10)

        package init() {}
    }

    private let socket: BoundSocket
    private let limits: Limits
    private let logger: Logger
    private let document: @Sendable () async -> JSON

    /// Makes the socket; nothing is answered yet. The caller holds a lock on the directory. `document` is asked anew by each
    /// connection, several at the same time.
    package init(
        directory: String, limits: Limits = Limits(), logger: Logger, document: @escaping @Sendable () async -> JSON
    ) throws(StatusError) {
        socket = try BoundSocket(in: directory)
        self.limits = limits
        self.logger = logger
        self.document = document
    }

    /// Answers until graceful shutdown. A socket that fails later costs the answers, never the program.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            guard let descriptor = socket.take() else { return }
            let listener = try await bootstrap(group).withBoundSocket(descriptor).get()
            await untilGracefulShutdown()
            try await listener.close()
        } catch {
            logger.error("status is not available", metadata: ["reason": "\(error)"])
            await untilGracefulShutdown()
        }
        socket.release()
        try await group.shutdownGracefully()
    }

    private func untilGracefulShutdown() async {
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled: that is an end, too.
        }
    }

    private func bootstrap(_ group: MultiThreadedEventLoopGroup) -> ServerBootstrap {
        let (limits, document, logger) = (limits, document, logger)
        let connections = ConnectionCount()
        return ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause { logger.debug("status not answered", metadata: ["reason": "\($0)"]) })
                }
            }
            // Nobody has anything to say here: what comes stays with the kernel.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.enter(most: limits.connectionsMax) else {
                        channel.close(promise: nil)
                        return
                    }
                    channel.closeFuture.whenComplete { _ in connections.leave() }
                    try channel.pipeline.syncOperations.addHandler(
                        StatusHandler(timeout: TimeAmount(limits.timeout), document: document))
                }
            }
    }
}

private final class ConnectionCount: Sendable {
    private let open = Mutex(0)

    func enter(most: Int) -> Bool {
        open.withLock { open in
            guard open < most else { return false }
            open += 1
            return true
        }
    }

    func leave() { open.withLock { $0 -= 1 } }
}

/// One answer.
private final class StatusHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let timeout: TimeAmount
    private let document: @Sendable () async -> JSON
    private var deadline: Scheduled<Void>?

    init(timeout: TimeAmount, document: @escaping @Sendable () async -> JSON) {
        self.timeout = timeout
        self.document = document
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        let promise = context.eventLoop.makePromise(of: ByteBuffer.self)
        promise.completeWithTask { [document] in ByteBuffer(bytes: await document().encoded + [UInt8(ascii: "\n")]) }
        promise.futureResult.whenSuccess { bytes in
            channel.writeAndFlush(bytes).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { deadline?.cancel() }
}
