internal import HamsterFiles
internal import HamsterMetrics
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

    /// How often targets before the present one are tried.
    private static let returnInterval: Duration = .seconds(15)

    private let dialer: Dialer
    private let threadPool: NIOThreadPool
    private let compression: CompressionPool
    private let logger: Logger
    private let metrics: ClientMetrics
    private let state: Mutex<State>
    private let leftFirst = WakeSignal()
    private let idle = IdleConnections()
    private let readBuffers: ReadBuffers

    /// Reads the certificates. Throws `TLSError`.
    init(
        _ configuration: ClientConfiguration, group: MultiThreadedEventLoopGroup, threadPool: NIOThreadPool,
        compression: CompressionPool, logger: Logger, metrics: ClientMetrics
    ) throws(TLSError) {
        state = Mutex(
            State(
                endpoints: try Endpoint.all(configuration), connectTimeout: TimeAmount(configuration.connectTimeout)))
        dialer = Dialer(group: group)
        readBuffers = ReadBuffers(group)
        self.threadPool = threadPool
        self.compression = compression
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
        // Also where the targets are the same: they were made with the certificates of before.
        idle.closeAll()
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen) }
    }

    /// Runs one transfer from connect to its end. Cancellation ends it after the last acknowledgement.
    /// `started` gets the connection, for commands to it.
    func run(_ transfer: Transfer, started: @Sendable (any Channel) -> Void) async -> TransferOutcome {
        // Before the certificates are taken: a connection is never thought to have newer ones than it has.
        let epoch = idle.epoch
        let aim = state.withLock {
            Aim(index: $0.preferred, endpoint: $0.endpoints[$0.preferred], generation: $0.generation, epoch: epoch)
        }
        var transfer = transfer
        transfer.logger[metadataKey: "target"] = "\(aim.endpoint.target.description)"
        transfer.isPlaintext = aim.endpoint.context == nil
        let opened = transfer.opened
        let attempt = Attempt(metrics)
        transfer.opened = {
            attempt.succeeded()
            self.reachable(aim.endpoint)
            opened()
        }
        if let connection = idle.take(of: aim.index),
            let result = await reuse(connection, transfer, aim, started),
            attempt.isCounted || !result.isFailure || Task.isCancelled
        {
            return note(result, aim, attempt)
        }
        // An idle connection may be lost at any time: that says nothing of the target.
        return note(await runAnew(transfer, aim, started), aim, attempt)
    }

    private var connectTimeout: TimeAmount { state.withLock { $0.connectTimeout } }

    /// Where a transfer goes.
    private struct Aim {
        var index: Int
        var endpoint: Endpoint
        var generation: Int
        /// Of the idle connections.
        var epoch: Int
    }

    private func runAnew(
        _ transfer: Transfer, _ aim: Aim, _ started: @Sendable (any Channel) -> Void
    ) async -> TransferOutcome {
        do throws(ClientError) {
            let (channel, end) = try await dialer.connect(
                to: aim.endpoint, timeout: connectTimeout
            ) { [threadPool, compression, readBuffers] end in
                TransferHandler(
                    transfer: transfer, end: end, threadPool: threadPool, compression: compression,
                    buffer: readBuffers.buffer(of: end.futureResult.eventLoop))
            }
            return await carry(channel, end, aim, started)
        } catch {
            return .failed(error)
        }
    }

    /// Nil: the connection was lost before.
    private func reuse(
        _ connection: IdleConnection, _ transfer: Transfer, _ aim: Aim, _ started: @Sendable (any Channel) -> Void
    ) async -> TransferOutcome? {
        let end = connection.channel.eventLoop.makePromise(of: TransferEnd.self)
        do {
            try await connection.use { [threadPool, compression, readBuffers] in
                TransferHandler(
                    transfer: transfer, end: end, threadPool: threadPool, compression: compression,
                    buffer: readBuffers.buffer(of: end.futureResult.eventLoop), on: connection.streamID)
            }
        } catch {
            end.fail(error)
            return nil
        }
        return await carry(connection.channel, end.futureResult, aim, started)
    }

    private func carry(
        _ channel: any Channel, _ end: EventLoopFuture<TransferEnd>, _ aim: Aim,
        _ started: @Sendable (any Channel) -> Void
    ) async -> TransferOutcome {
        let number = ObjectIdentifier(channel)
        let isOutdated = state.withLock { state in
            state.channels[number] = (aim.index, channel)
            return state.generation != aim.generation
        }
        if isOutdated { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen) }
        started(channel)
        let result = await withTaskCancellationHandler {
            try? await end.get()
        } onCancel: {
            channel.pipeline.fireUserInboundEventTriggered(TransferCommand.stop)
        }
        state.withLock { _ = $0.channels.removeValue(forKey: number) }
        if let connection = result?.connection { idle.add(connection, of: aim.index, since: aim.epoch) }
        return result?.outcome ?? .failed(.interrupted("the event loop has ended"))
    }

    /// Closes the connections that wait for another file.
    func closeIdle() { idle.closeAll() }

    /// Draws from how a transfer has ended what concerns its target.
    private func note(_ outcome: TransferOutcome, _ aim: Aim, _ attempt: Attempt) -> TransferOutcome {
        switch outcome {
        case .failed(let failure):
            attempt.failed(failure.reason)
            failed(aim.index, failure)
        case .refused(let reply):
            attempt.failed("\(reply.code.rawValue)")
            // With a time of 0 it is this very server that the stream has to come back to.
            if reply.code == .unavailable, reply.retrySeconds != 0 { advance(from: aim.index) }
        case .ended, .unknown, .otherContent: break
        }
        return outcome
    }

}

// MARK: - Which target

extension Connector {
    /// Tries the targets before the present one again and again while there are any; returns at cancellation. Streams
    /// move when they are idle, or with their next connection.
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
            let timeout = connectTimeout
            let (_, answer) = try await dialer.connect(to: endpoint, timeout: timeout) {
                ProbeHandler(answer: $0, timeout: timeout)
            }
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
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(TransferCommand.leave) }
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
    private let isCountedOnce = Atomic<Bool>(false)

    init(_ metrics: ClientMetrics) { self.metrics = metrics }

    /// Whether the stream was open or has failed.
    var isCounted: Bool { isCountedOnce.load(ordering: .relaxed) }

    func succeeded() { count("ok", "") }

    /// Does nothing where the stream was open before.
    func failed(_ reason: String) { count("failed", reason) }

    private func count(_ result: String, _ reason: String) {
        guard !isCountedOnce.exchange(true, ordering: .relaxed) else { return }
        metrics.connects[result, reason].add()
    }
}
