internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Opens connections to the targets in their order of preference, and runs transfers on them.
final class Connector: Sendable {
    /// A target, with the certificates that it is spoken to with.
    struct Endpoint: Sendable {
        var target: ClientConfiguration.Target
        var context: TLSContext?

        /// Reads the certificates. Throws `TLSError`.
        static func all(_ configuration: ClientConfiguration) throws(TLSError) -> [Endpoint] {
            var endpoints: [Endpoint] = []
            for target in configuration.targets {
                var context: TLSContext?
                if let tls = target.tls {
                    context = try TLSContext(client: tls, applicationProtocols: [ProtocolLimits.applicationProtocol])
                }
                endpoints.append(Endpoint(target: target, context: context))
            }
            return endpoints
        }
    }

    private struct State {
        var endpoints: [Endpoint]
        var connectTimeout: TimeAmount
        /// How often other targets were put in place: a connection that is being made must hear of it, too.
        var generation = 0
        /// The target that is tried first.
        var preferred = 0
        /// Nil before the first attempt: the first result is always worth a line.
        var isReachable: Bool?
        /// The connections that run, by their target.
        var channels: [ObjectIdentifier: (endpoint: Int, channel: any Channel)] = [:]
    }

    private static let readBytes = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 1_024, maximum: 16 * 1_024)
    /// How often targets before the present one are tried.
    private static let returnInterval: Duration = .seconds(15)

    private let group: MultiThreadedEventLoopGroup
    private let threadPool: NIOThreadPool
    private let logger: Logger
    private let metrics: ClientMetrics
    private let state: Mutex<State>
    private let leftFirst = WakeSignal()
    private let readBuffers: ReadBuffers

    /// Reads the certificates. Throws `TLSError`.
    init(
        _ configuration: ClientConfiguration, group: MultiThreadedEventLoopGroup, threadPool: NIOThreadPool,
        logger: Logger, metrics: ClientMetrics
    ) throws(TLSError) {
        state = Mutex(
            State(
                endpoints: try Endpoint.all(configuration), connectTimeout: TimeAmount(configuration.connectTimeout)))
        self.group = group
        readBuffers = ReadBuffers(group)
        self.threadPool = threadPool
        self.logger = logger
        self.metrics = metrics
    }

    /// The target that the next connection tries first.
    var preferredTarget: String { state.withLock { $0.endpoints[$0.preferred].target.description } }

    /// Every target, and whether streams go to it and can.
    var targets: [(name: String, isConnected: Bool)] {
        state.withLock { state in
            state.endpoints.enumerated().map { index, endpoint in
                (endpoint.target.description, index == state.preferred && state.isReachable == true)
            }
        }
    }

    /// Why there is no target, in one line; nil: there is one.
    var obstacle: String? {
        state.withLock { state in
            switch state.isReachable {
            case true?: nil
            case false?: "no target can be reached"
            case nil: "no target was connected to yet"
            }
        }
    }

    /// The certificates of all targets, with their ends.
    var credentials: [CredentialValidity] {
        state.withLock { state in state.endpoints.flatMap { $0.context?.validities ?? [] } }
    }

    /// Uses other targets or certificates from the next connection on. Those that are open go on, unless their targets are
    /// not among the new ones: they are opened anew.
    func use(_ endpoints: [Endpoint], connectTimeout: Duration) {
        let channels = state.withLock { state -> [any Channel] in
            let isSame = state.endpoints.map(\.target.description) == endpoints.map(\.target.description)
            state.endpoints = endpoints
            state.connectTimeout = TimeAmount(connectTimeout)
            guard !isSame else { return [] }
            state.generation += 1
            state.preferred = 0
            state.isReachable = nil
            return state.channels.values.map(\.channel)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen) }
    }

    /// Runs one transfer from connect to close. Cancellation ends it after the last acknowledgement.
    /// `started` gets the connection, for commands to it.
    func run(_ transfer: Transfer, started: @Sendable (any Channel) -> Void) async -> TransferOutcome {
        let (index, endpoint, generation) = state.withLock {
            ($0.preferred, $0.endpoints[$0.preferred], $0.generation)
        }
        var transfer = transfer
        transfer.logger[metadataKey: "target"] = "\(endpoint.target.description)"
        transfer.isPlaintext = endpoint.context == nil
        let opened = transfer.opened
        let attempt = Attempt(metrics)
        transfer.opened = {
            attempt.succeeded()
            self.reachable(endpoint)
            opened()
        }
        let channel: any Channel
        let outcome: EventLoopFuture<TransferOutcome>
        do throws(ClientError) {
            (channel, outcome) = try await connect(endpoint) { [transfer, threadPool, readBuffers] outcome in
                TransferHandler(
                    transfer: transfer, outcome: outcome, threadPool: threadPool,
                    buffer: readBuffers.buffer(of: outcome.futureResult.eventLoop))
            }
        } catch {
            attempt.failed(error.reason)
            failed(index, error)
            return .failed(error)
        }
        let number = ObjectIdentifier(channel)
        let isOutdated = state.withLock { state in
            state.channels[number] = (index, channel)
            return state.generation != generation
        }
        if isOutdated { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen) }
        defer { state.withLock { _ = $0.channels.removeValue(forKey: number) } }
        started(channel)
        let result = await withTaskCancellationHandler {
            try? await outcome.get()
        } onCancel: {
            channel.pipeline.fireUserInboundEventTriggered(TransferCommand.stop)
        }
        guard let result else { return .failed(.interrupted("the event loop has ended")) }
        if case .failed(let failure) = result {
            attempt.failed(failure.reason)
            failed(index, failure)
        }
        if case .refused(let reply) = result { attempt.failed("\(reply.code.rawValue)") }
        // With a time of 0 it is this very server that the stream has to come back to.
        if case .refused(let reply) = result, reply.code == .unavailable, reply.retrySeconds != 0 {
            advance(from: index)
        }
        return result
    }

    /// A name may have several addresses, and each that is tried is a channel with a handler of its own: the answer is
    /// that of the one which has connected. Every handler completes its promise, whatever becomes of it.
    private func connect<Answer: Sendable>(
        _ endpoint: Endpoint, _ makeHandler: @escaping @Sendable (EventLoopPromise<Answer>) -> any ChannelHandler
    ) async throws(ClientError) -> (any Channel, EventLoopFuture<Answer>) {
        let loop = group.any()
        let answers = Answers<Answer>()
        do {
            let bootstrap = bootstrap(loop, endpoint) { channel in makeHandler(answers.promise(of: channel)) }
            let channel = try await Self.connect(bootstrap, to: endpoint.target).get()
            return (channel, answers.promise(of: channel).futureResult)
        } catch {
            throw .unreachable(target: endpoint.target.description, reason: reasonOfNetworkError(error))
        }
    }

    /// An address needs no resolver, and no race between several addresses: that is a tenth of what a small file costs.
    private static func connect(
        _ bootstrap: ClientBootstrap, to target: ClientConfiguration.Target
    ) -> EventLoopFuture<any Channel> {
        guard let address = try? SocketAddress(ipAddress: target.host, port: target.port) else {
            return bootstrap.connect(host: target.host, port: target.port)
        }
        return bootstrap.connect(to: address)
    }

    private func bootstrap(
        _ loop: any EventLoop, _ endpoint: Endpoint,
        _ makeHandler: @escaping @Sendable (any Channel) -> any ChannelHandler
    ) -> ClientBootstrap {
        let connectTimeout = state.withLock { $0.connectTimeout }
        return ClientBootstrap(group: loop)
            .connectTimeout(connectTimeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: Self.readBytes)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.transmissionTimeout, value: ProtocolLimits.transmissionMilliseconds)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context = endpoint.context {
                        try pipeline.addHandler(
                            TLSHandler(
                                context: context, peerName: endpoint.target.description,
                                handshakeTimeout: connectTimeout))
                    }
                    // Last: its promise is completed by nobody else.
                    try pipeline.addHandler(makeHandler(channel))
                }
            }
    }
}

// MARK: - Which target

extension Connector {
    /// Tries the targets before the present one again and again while there are any; returns at cancellation. Streams
    /// that are idle then move, the others with their next connection.
    func returnToFirst() async {
        while !Task.isCancelled {
            guard state.withLock({ $0.preferred }) > 0 else {
                await leftFirst.wait()
                continue
            }
            // A share at random: a fleet must not come back as one.
            try? await Task.sleep(for: Self.returnInterval * Double.random(in: 0.5...1))
            for (index, endpoint) in state.withLock({ $0.endpoints.prefix($0.preferred) }).enumerated()
            where await welcomes(endpoint) {
                moveBack(to: index, endpoint)
                break
            }
        }
    }

    /// Whether a target answers as a server does that takes streams.
    private func welcomes(_ endpoint: Endpoint) async -> Bool {
        do throws(ClientError) {
            let timeout = state.withLock { $0.connectTimeout }
            let (_, answer) = try await connect(endpoint) { ProbeHandler(answer: $0, timeout: timeout) }
            // The handler answers whatever happens; only a loop that has ended does not.
            return (try? await answer.get()) ?? false
        } catch {
            return false
        }
    }

    private func moveBack(to index: Int, _ endpoint: Endpoint) {
        let channels = state.withLock { state -> [any Channel] in
            guard index < state.preferred else { return [] }
            state.preferred = index
            return state.channels.values.filter { $0.endpoint > index }.map(\.channel)
        }
        logger.notice("target is back", metadata: ["target": "\(endpoint.target.description)"])
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.giveUp) }
    }

    private func reachable(_ endpoint: Endpoint) {
        let isNews = state.withLock { state in
            defer { state.isReachable = true }
            return state.isReachable != true
        }
        if isNews { logger.info("connected", metadata: ["target": "\(endpoint.target.description)"]) }
    }

    /// What is wrong with the target and not with a file is reported once, however many files there are.
    private func failed(_ index: Int, _ failure: ClientError) {
        switch failure {
        case .unreachable, .tls:
            advance(from: index)
            let isNews = state.withLock { state in
                defer { state.isReachable = false }
                return state.isReachable != false
            }
            guard isNews else { return }
            logger.log(
                level: failure.isLasting ? .error : .warning, "target unreachable", metadata: ["reason": "\(failure)"])
        case .interrupted, .silent: advance(from: index)
        case .violated, .refused, .unreadable, .stopped: break
        }
    }

    /// The next target in the list is tried first from now on, unless another file has moved on already.
    private func advance(from index: Int) {
        let hasLeft = state.withLock { state in
            guard state.preferred == index, state.endpoints.count > 1 else { return false }
            state.preferred = (index + 1) % state.endpoints.count
            return state.preferred > 0
        }
        if hasLeft { leftFirst.raise() }
    }
}

/// Counts one attempt to open a stream, once.
private final class Attempt: Sendable {
    private let metrics: ClientMetrics
    private let isCounted = Atomic<Bool>(false)

    init(_ metrics: ClientMetrics) { self.metrics = metrics }

    func succeeded() { count("ok", "") }

    /// Does nothing where the stream was open before.
    func failed(_ reason: String) { count("failed", reason) }

    private func count(_ result: String, _ reason: String) {
        guard !isCounted.exchange(true, ordering: .relaxed) else { return }
        metrics.connects[result, reason].add()
    }
}

/// The promises of the channels that one attempt to connect has made.
private final class Answers<Answer: Sendable>: Sendable {
    private let promises = Mutex<[ObjectIdentifier: EventLoopPromise<Answer>]>([:])

    func promise(of channel: any Channel) -> EventLoopPromise<Answer> {
        promises.withLock { promises in
            if let known = promises[ObjectIdentifier(channel)] { return known }
            let promise = channel.eventLoop.makePromise(of: Answer.self)
            promises[ObjectIdentifier(channel)] = promise
            return promise
        }
    }
}
