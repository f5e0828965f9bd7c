internal import Glibc
internal import HamsterCore
internal import HamsterFiles
internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Makes listeners and gives each accepted connection its handlers.
struct ConnectionAcceptor: Sendable {
    /// Connections that the kernel holds until they are accepted (listen(2)).
    private static let backlog: CInt = 1_024
    /// What one read takes at most from a socket.
    static let readBytesMax = 256 * 1_024

    /// The same before a stream is open: the last buffer stays with the connection, and that may be anybody's.
    static let openingReadBytesMax = 2 * 1_024

    /// Small at first, so that idle connections stay small.
    static func readBytes(atMost bytesMax: Int) -> AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 64, initial: min(1_024, bytesMax), maximum: bytesMax)
    }

    let admission: StreamAdmission
    let connections: ConnectionRegistry
    let streams: StreamRegistry
    let limiter: RateLimiter
    let statistics: ServerStatistics
    let policy: LivePolicy
    let door: EnrollmentDoor
    let enrollmentPool: NIOThreadPool
    let refusals: RefusalLogs
    let logger: Logger

    /// Binds all addresses, or none; where the system has handed over sockets, those are used instead. Throws
    /// ``ServerError``.
    func listen(
        _ addresses: [ServerConfiguration.Listener], _ sockets: [ListeningSocket],
        on group: MultiThreadedEventLoopGroup
    ) async throws -> [any Channel] {
        var channels: [any Channel] = []
        do {
            for socket in sockets {
                channels.append(try await bootstrap(group, Origin(socket)).withBoundSocket(socket.descriptor).get())
            }
            for address in addresses where sockets.isEmpty {
                channels.append(try await bind(address, on: group))
            }
        } catch {
            for channel in channels { try await channel.close() }
            throw error
        }
        return channels
    }

    private func bind(
        _ address: ServerConfiguration.Listener, on group: MultiThreadedEventLoopGroup
    ) async throws -> any Channel {
        do {
            return try await bootstrap(group, Origin(address)).bind(host: address.address, port: address.port).get()
        } catch {
            throw ServerError(cannotListenOn: address, error)
        }
    }

    private func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ origin: Origin
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var log = AcceptFailureLog(logger: logger)
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause { error in
                            statistics.acceptFailed()
                            log.failed(error)
                        })
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: Self.readBytes(atMost: Self.openingReadBytesMax))
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.transmissionTimeout, value: ProtocolLimits.transmissionMilliseconds)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel, origin) }
            }
    }

    /// What is known of a connection before it says anything.
    private struct Origin: Sendable {
        let proxies: [IPNetwork]?
        let isForEnrollment: Bool

        init(_ socket: ListeningSocket) {
            proxies = socket.proxies
            isForEnrollment = socket.isForEnrollment
        }

        init(_ listener: ServerConfiguration.Listener) {
            proxies = listener.proxies
            isForEnrollment = listener.isForEnrollment
        }
    }

    private func initialize(_ channel: any Channel, _ origin: Origin) throws {
        let address = channel.remoteAddress?.ipAddress.flatMap(IPAddress.init)
        if let proxies = origin.proxies { return try initialize(channel, behind: proxies, address) }
        guard let refusal = admit(channel, connections.add(channel, from: address.map(AddressBlock.init))) else {
            return
        }
        try serve(
            channel, from: channel.remoteAddress?.ipAddress ?? "-", refusal, isForEnrollment: origin.isForEnrollment)
    }

    /// What the connection is to hear in place of the welcome, or nothing; nil: it is closed.
    private func admit(_ channel: any Channel, _ answer: ConnectionRegistry.Answer) -> Reply?? {
        switch answer {
        case .accepted: return .some(nil)
        case .acceptedToRefuse(let reply): return reply
        case .dropped:
            statistics.connectionRefused()
            channel.close(promise: nil)
            return nil
        }
    }

    private func initialize(_ channel: any Channel, behind proxies: [IPNetwork], _ proxy: IPAddress?) throws {
        guard let proxy, proxies.contains(where: { $0.contains(proxy) }) else {
            return refuse(channel, "its address is not in proxy_protocol.from")
        }
        guard let refusal = admit(channel, connections.add(channel, from: nil)) else { return }
        let handler = ProxyHeaderHandler(
            timeout: TimeAmount(policy.current.limits.handshakeTimeout), isEnd: { $0 is StopCommand }
        ) { header in
            guard case .relayed(let source?) = header else {
                return try self.serve(channel, from: "\(proxy)", refusal)
            }
            guard let late = self.admit(channel, self.connections.locate(channel, at: AddressBlock(source))) else {
                return
            }
            try self.serve(channel, from: "\(source)", refusal ?? late)
        } onFailure: { reason in
            self.statistics.connectionRefused()
            self.note(reason, "\(proxy)", channel)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func refuse(_ channel: any Channel, _ reason: String) {
        statistics.connectionRefused()
        note(reason, channel.remoteAddress?.ipAddress ?? "-", channel)
        channel.close(promise: nil)
    }

    private func note(_ reason: String, _ address: String, _ channel: any Channel) {
        var logger = logger
        logger[metadataKey: "address"] = "\(address)"
        refusals.ofStrangers.note(.info, "connection refused", reason: reason, logger, on: channel.eventLoop)
    }

    private func serve(
        _ channel: any Channel, from address: String, _ refusal: Reply?, isForEnrollment: Bool = false
    ) throws {
        let streamID = makeStreamID()
        var logger = logger
        logger[metadataKey: "stream"] = "\(streamID)"
        logger[metadataKey: "address"] = "\(address)"
        let policy = policy.current
        let timeout = TimeAmount(policy.limits.handshakeTimeout)
        let pipeline = channel.pipeline.syncOperations
        // Without a context for it, what was configured for enrolment serves nobody.
        let tls = isForEnrollment ? policy.enrollmentTLS : policy.tls
        if isForEnrollment, tls == nil { return refuse(channel, "enrolment is switched off") }
        if let tls {
            try pipeline.addHandler(TLSHandler(context: tls, peerName: address, handshakeTimeout: timeout))
        }
        let enrollment = policy.registrar.map { registrar in
            EnrollmentEntrance(
                desk: EnrollmentHandler.Desk(
                    registrar: registrar, door: door, threadPool: enrollmentPool, metrics: statistics.metrics),
                address: address, takesTokens: isForEnrollment || policy.isEnrollmentEverywhere,
                isAlone: isForEnrollment)
        }
        try pipeline.addHandler(
            OpeningHandler(
                admission: admission, handle: StreamHandle(streamID: streamID, channel: channel),
                awaitsTLS: tls != nil, refusal: refusal, timeout: timeout, enrollment: enrollment,
                environment: StreamHandler.Environment(
                    store: admission.store, registry: streams, connections: connections,
                    threadPool: admission.threadPool, limiter: limiter, statistics: statistics, refusals: refusals,
                    idleTimeout: policy.limits.idleTimeout.map { TimeAmount($0) }, logger: logger)))
    }
}

/// A line when connections begin to wait for want of descriptors or memory, and then one in some seconds.
private struct AcceptFailureLog {
    private static let interval: Duration = .seconds(10)

    let logger: Logger
    private var last: ContinuousClock.Instant?

    init(logger: Logger) { self.logger = logger }

    mutating func failed(_ error: IOError) {
        guard last.map({ .now - $0 >= Self.interval }) ?? true else { return }
        last = .now
        let isLimit = error.errnoCode == EMFILE || error.errnoCode == ENFILE
        logger.error(
            "connections wait: none can be accepted",
            metadata: [
                "reason": "\(reasonOfErrno(error.errnoCode))",
                "advice": "\(isLimit ? "raise the limit of open files" : "free some memory")",
            ])
    }
}
