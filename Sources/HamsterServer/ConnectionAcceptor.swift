internal import Glibc
internal import HamsterFiles
internal import HamsterListener
internal import HamsterProtocol
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Makes listeners and gives each accepted connection its handlers.
struct ConnectionAcceptor: Sendable {
    /// Connections that the kernel holds until they are accepted (listen(2)).
    private static let backlog: CInt = 1_024
    /// What one read takes at most from a socket; small at first, so that idle connections stay small.
    private static let readBytes = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2_048, maximum: 256 * 1_024)

    let admission: StreamAdmission
    let connections: ConnectionRegistry
    let streams: StreamRegistry
    let statistics: ServerStatistics
    let policy: LivePolicy
    let logger: Logger

    /// Binds all addresses, or none. Throws ``ServerError``.
    func listen(
        _ addresses: [ServerConfiguration.Listener], on group: MultiThreadedEventLoopGroup
    ) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for address in addresses {
            do {
                channels.append(try await bootstrap(group).bind(host: address.address, port: address.port).get())
            } catch {
                for channel in channels { try await channel.close() }
                throw ServerError(cannotListenOn: address, error)
            }
        }
        return channels
    }

    private func bootstrap(_ group: MultiThreadedEventLoopGroup) -> ServerBootstrap {
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
            .childChannelOption(.recvAllocator, value: Self.readBytes)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.transmissionTimeout, value: ProtocolLimits.transmissionMilliseconds)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel) }
            }
    }

    private func initialize(_ channel: any Channel) throws {
        let answer = connections.add(channel)
        if case .dropped = answer {
            statistics.connectionRefused()
            channel.close(promise: nil)
            return
        }
        let streamID = makeStreamID()
        var logger = logger
        logger[metadataKey: "stream"] = "\(streamID)"
        logger[metadataKey: "address"] = "\(channel.remoteAddress?.ipAddress ?? "-")"
        let policy = policy.current
        let timeout = TimeAmount(policy.limits.handshakeTimeout)
        let pipeline = channel.pipeline.syncOperations
        if let tls = policy.tls {
            let peer = channel.remoteAddress.map { "\($0.ipAddress ?? "-"):\($0.port ?? 0)" } ?? "-"
            try pipeline.addHandler(TLSHandler(context: tls, peerName: peer, handshakeTimeout: timeout))
        }
        try pipeline.addHandler(
            OpeningHandler(
                admission: admission, handle: StreamHandle(streamID: streamID, channel: channel),
                awaitsTLS: policy.tls != nil, isOverLimit: answer == .acceptedToRefuse, timeout: timeout,
                environment: StreamHandler.Environment(
                    store: admission.store, registry: streams, threadPool: admission.threadPool,
                    statistics: statistics, idleTimeout: policy.limits.idleTimeout.map { TimeAmount($0) },
                    logger: logger)))
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
