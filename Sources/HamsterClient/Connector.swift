internal import HamsterFiles
internal import HamsterProtocol
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Opens connections to the targets in their order of preference, and runs transfers on them.
final class Connector: Sendable {
    private struct Endpoint: Sendable {
        var target: ClientConfiguration.Target
        var context: TLSContext?
    }

    private struct State {
        var preferred = 0
        /// Nil before the first attempt: the first result is always worth a line.
        var isReachable: Bool?
    }

    private static let readBytes = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 1_024, maximum: 16 * 1_024)

    private let endpoints: [Endpoint]
    private let connectTimeout: TimeAmount
    private let group: MultiThreadedEventLoopGroup
    private let threadPool: NIOThreadPool
    private let logger: Logger
    private let state = Mutex(State())

    /// Reads the certificates. Throws `TLSError`.
    init(
        _ configuration: ClientConfiguration, group: MultiThreadedEventLoopGroup, threadPool: NIOThreadPool,
        logger: Logger
    ) throws(TLSError) {
        var endpoints: [Endpoint] = []
        for target in configuration.targets {
            var context: TLSContext?
            if let tls = target.tls {
                context = try TLSContext(client: tls, applicationProtocols: [ProtocolLimits.applicationProtocol])
            }
            endpoints.append(Endpoint(target: target, context: context))
        }
        self.endpoints = endpoints
        connectTimeout = TimeAmount(configuration.connectTimeout)
        self.group = group
        self.threadPool = threadPool
        self.logger = logger
    }

    /// Runs one transfer from connect to close. Cancellation ends it after the last acknowledgement.
    /// `started` gets the connection, for commands to it.
    func run(_ transfer: Transfer, started: @Sendable (any Channel) -> Void) async -> TransferOutcome {
        let index = state.withLock { $0.preferred }
        let endpoint = endpoints[index]
        var transfer = transfer
        transfer.logger[metadataKey: "target"] = "\(endpoint.target.description)"
        transfer.opened = { self.reachable(endpoint) }
        let loop = group.any()
        let outcome = loop.makePromise(of: TransferOutcome.self)
        let channel: any Channel
        do {
            channel = try await bootstrap(loop, endpoint, transfer, outcome)
                .connect(host: endpoint.target.host, port: endpoint.target.port).get()
        } catch {
            let failure = ClientError.unreachable(target: endpoint.target.description, reason: Self.reason(error))
            outcome.succeed(.failed(failure))
            unreachable(index, failure)
            return .failed(failure)
        }
        started(channel)
        let result = await withTaskCancellationHandler {
            try? await outcome.futureResult.get()
        } onCancel: {
            channel.pipeline.fireUserInboundEventTriggered(TransferCommand.stop)
        }
        guard let result else { return .failed(.interrupted("the event loop has ended")) }
        if case .failed(let failure) = result { failed(index, failure) }
        if case .refused(let reply) = result, reply.code == .unavailable { advance(from: index) }
        return result
    }

    private func bootstrap(
        _ loop: any EventLoop, _ endpoint: Endpoint, _ transfer: Transfer, _ outcome: EventLoopPromise<TransferOutcome>
    ) -> ClientBootstrap {
        ClientBootstrap(group: loop)
            .connectTimeout(connectTimeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: Self.readBytes)
            .channelInitializer { [connectTimeout, threadPool] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context = endpoint.context {
                        try pipeline.addHandler(
                            TLSHandler(
                                context: context, peerName: endpoint.target.description,
                                handshakeTimeout: connectTimeout))
                    }
                    try pipeline.addHandler(
                        TransferHandler(transfer: transfer, outcome: outcome, threadPool: threadPool))
                }
            }
    }

    private func reachable(_ endpoint: Endpoint) {
        let isNews = state.withLock { state in
            defer { state.isReachable = true }
            return state.isReachable != true
        }
        if isNews { logger.info("connected", metadata: ["target": "\(endpoint.target.description)"]) }
    }

    private func unreachable(_ index: Int, _ failure: ClientError) {
        advance(from: index)
        let isNews = state.withLock { state in
            defer { state.isReachable = false }
            return state.isReachable != false
        }
        if isNews { logger.warning("target unreachable", metadata: ["reason": "\(failure)"]) }
    }

    private func failed(_ index: Int, _ failure: ClientError) {
        switch failure {
        case .tls, .interrupted, .silent: advance(from: index)
        case .unreachable, .violated, .refused, .unreadable, .stopped: break
        }
    }

    /// The next target in the list is tried first from now on, unless another file has moved on already.
    private func advance(from index: Int) {
        state.withLock { state in
            if state.preferred == index { state.preferred = (index + 1) % endpoints.count }
        }
    }

    /// What went wrong in one line: NIO's collected connection errors print as a page.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        if let cause = error.connectionErrors.first?.error {
            guard let cause = cause as? IOError else { return "\(cause)" }
            return reasonOfErrno(cause.errnoCode)
        }
        if error.dnsAError != nil || error.dnsAAAAError != nil { return "host name not found" }
        return "no address"
    }
}
