internal import HamsterNetwork
package import HamsterTLS
package import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Answers scrapers and health checks over HTTP, on threads of its own: none of them can hold up the program's work.
package final class MetricsService: Service {
    /// What a request may have in its headers, in bytes and in number.
    private static let headerLimits = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8 * 1_024
        limits.maxHeaderListSize = 16 * 1_024
        limits.maxHeaderFieldCount = 64
        return limits
    }()

    private let configuration: MetricsConfiguration
    private let source: MetricsSource
    private let logger: Logger
    /// What new connections are secured by; nil: plain text.
    private let context: Mutex<TLSContext?>
    private let open = Mutex(0)

    /// Opens the certificates; nothing is answered yet. Throws `TLSError`.
    package init(_ configuration: MetricsConfiguration, source: MetricsSource, logger: Logger) throws(TLSError) {
        self.configuration = configuration
        self.source = source
        self.logger = logger
        context = Mutex(try Self.makeContext(configuration.tls))
    }

    /// Opens the certificates that a service would use. Throws `TLSError`.
    package static func check(_ configuration: MetricsConfiguration) throws(TLSError) {
        _ = try makeContext(configuration.tls)
    }

    /// Uses other certificates from the next connection on; ``MetricsConfiguration/keysThatNeedRestart(from:to:)`` says what
    /// stays as it is. Throws `TLSError`, and changes nothing then.
    package func reload(_ new: MetricsConfiguration) throws(TLSError) {
        guard (new.tls == nil) == (configuration.tls == nil) else { return }
        let other = try Self.makeContext(new.tls)
        context.withLock { $0 = other }
    }

    /// The certificates and revocation lists that are in use, with their ends.
    package var credentials: [CredentialValidity] { context.withLock { $0 }?.validities ?? [] }

    /// Answers until graceful shutdown. Throws ``MetricsError`` where the address can't be bound.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let scraping = NIOThreadPool(numberOfThreads: 1)
        scraping.start()
        let result: Result<Void, any Error>
        do {
            let listener = try await listen(on: group, scraping)
            logger.notice("metrics are offered", metadata: ["address": "\(describe(listener.localAddress))"])
            await untilGracefulShutdown()
            try await listener.close()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        // First: what is still scraped goes to the event loop.
        try await scraping.shutdownGracefully()
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func makeContext(_ tls: TLSServerConfiguration?) throws(TLSError) -> TLSContext? {
        guard let tls else { return nil }
        return try TLSContext(server: tls, applicationProtocols: ["http/1.1"])
    }

    private func listen(
        on group: MultiThreadedEventLoopGroup, _ scraping: NIOThreadPool
    ) async throws(MetricsError) -> any Channel {
        do {
            return try await bootstrap(group, scraping).bind(host: configuration.address, port: configuration.port)
                .get()
        } catch {
            throw MetricsError(cannotListenOn: configuration.listener, error)
        }
    }

    private func bootstrap(_ group: MultiThreadedEventLoopGroup, _ scraping: NIOThreadPool) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause { logger.debug("scraper not accepted", metadata: ["reason": "\($0)"]) })
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel, scraping) }
            }
    }

    private func initialize(_ channel: any Channel, _ scraping: NIOThreadPool) throws {
        guard enter() else {
            channel.close(promise: nil)
            return
        }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0 -= 1 } }
        let peer = channel.remoteAddress?.ipAddress ?? "-"
        let timeout = TimeAmount(configuration.limits.timeout)
        let pipeline = channel.pipeline.syncOperations
        if let context = context.withLock({ $0 }) {
            try pipeline.addHandler(TLSHandler(context: context, peerName: peer, handshakeTimeout: timeout))
        }
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                    limitConfiguration: Self.headerLimits), maximumBufferSize: 64 * 1_024))
        var logger = logger
        logger[metadataKey: "address"] = "\(peer)"
        try pipeline.addHandler(
            MetricsHandler(
                path: configuration.path, source: source, scraping: scraping, timeout: timeout, logger: logger))
    }

    private func enter() -> Bool {
        open.withLock { open in
            guard open < configuration.limits.connectionsMax else { return false }
            open += 1
            return true
        }
    }

    private func untilGracefulShutdown() async {
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled: that is an end, too.
        }
    }

    private func describe(_ address: SocketAddress?) -> String {
        guard let address, let ip = address.ipAddress, let port = address.port else { return "?" }
        return MetricsConfiguration(address: ip, port: port).listener
    }
}
