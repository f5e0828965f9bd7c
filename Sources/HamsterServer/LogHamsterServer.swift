package import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterRouting
package import HamsterStatus
package import HamsterStore
package import HamsterTLS
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// The server: listens, stores, acknowledges, until it is told to stop.
package struct LogHamsterServer: Service {
    private let configuration: ServerConfiguration
    private let sockets: [ListeningSocket]
    private let logger: Logger
    let store: Store
    let policy: LivePolicy
    let statistics = ServerStatistics()
    var metrics: ServerMetrics { statistics.metrics }
    let streams: StreamRegistry
    let connections: ConnectionRegistry
    private let readiness = ServerReadiness()
    private let alarm = RateAlarm()
    let limiter: RateLimiter
    private let door = EnrollmentDoor()
    private let refusals: RefusalLogs
    private let phase = ServerPhase()

    /// Opens the certificates; nothing is accepted yet. With `sockets` the configured listeners are left aside. Throws
    /// `TLSError`, and `FileError` for what is kept of enrolments.
    package init(
        configuration: ServerConfiguration, sockets: [ListeningSocket] = [], store: Store, logger: Logger
    ) throws {
        self.configuration = configuration
        self.sockets = sockets
        self.logger = logger
        self.store = store
        streams = StreamRegistry(streamsPerHostMax: configuration.limits.streamsPerHostMax)
        connections = ConnectionRegistry(configuration.limits, statistics, now: alarm.scheduling.now)
        limiter = RateLimiter(configuration.rates, alarm.scheduling)
        refusals = RefusalLogs(logger: logger)
        policy = LivePolicy(try ServerPolicy(configuration))
        observeStore()
    }

    /// Opens the certificates that a server would use. Throws `TLSError`.
    package static func check(_ configuration: ServerConfiguration) throws {
        try ServerPolicy.check(configuration)
    }

    /// The certificates and revocation lists that are in use, with their ends.
    package var credentials: [CredentialValidity] { policy.current.tls?.validities ?? [] }

    /// Why the server accepts no streams, in one line; nil: it does.
    package var obstacle: String? { readiness.obstacle }

    /// How the server fares, for its status document.
    package var status: [JSON.Member] {
        let reports = streams.reports
        let open = reports.open.map { ServerStatus.OpenStream($0) }
        return ServerStatus(
            store: store.status, open: open, failures: reports.failures, connections: connections.count,
            waited: limiter.waited, statistics: statistics.snapshot
        ).document
    }

    /// Returns once connections are accepted, or at cancellation.
    package func untilListening() async { await phase.untilListening() }

    /// The loops without which nothing is received or acknowledged.
    package var loops: [WorkLoop] { phase.loops + [store.committer] }

    /// How the server fares, in one line.
    package var summary: String {
        "\(streams.count) streams on \(connections.count) connections, \(store.uncommittedBytes) bytes not committed"
    }

    /// Serves until graceful shutdown, then commits, tells the clients and returns within the grace period.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: configuration.threads == 0 ? System.coreCount : configuration.threads)
        let pools = Pools()
        pools.start()
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(on: group, pools))
        } catch {
            result = .failure(error)
        }
        try await pools.shutdownGracefully()
        try await group.shutdownGracefully()
        try result.get()
    }

    /// Threads that may wait for the disk.
    private struct Pools {
        let outputs = NIOThreadPool(numberOfThreads: 8)
        /// Of its own: strangers who ask for certificates must not hold up the streams.
        let enrollment = NIOThreadPool(numberOfThreads: 1)

        func start() {
            outputs.start()
            enrollment.start()
        }

        func shutdownGracefully() async throws {
            try await enrollment.shutdownGracefully()
            try await outputs.shutdownGracefully()
        }
    }

    private func serve(on group: MultiThreadedEventLoopGroup, _ pools: Pools) async throws {
        alarm.start(on: group.next())
        phase.begin(on: group)
        defer { phase.end() }
        let acceptor = makeAcceptor(pools)
        let listeners = try await acceptor.listen(configuration.listeners, sockets, on: group)
        for listener in listeners {
            logger.notice("listening", metadata: ["address": "\(describe(listener.localAddress))"])
        }
        readiness.set(nil)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await commitRegularly() }
            tasks.addTask { await followDays() }
            phase.listens()
            await untilGracefulShutdown()
            readiness.set("the server is stopping")
            logger.notice("stopping", metadata: ["streams": "\(acceptor.streams.count)"])
            await stop(listeners, acceptor)
            tasks.cancelAll()
        }
        refusals.flush()
        let summary = statistics.snapshot
        logger.notice(
            "stopped",
            metadata: [
                "streams": "\(summary.streams)", "bytes": "\(summary.receivedBytes)",
                "refused_streams": "\(summary.refusedStreams)",
                "refused_connections": "\(summary.refusedConnections)",
            ])
    }

    private func observeStore() {
        let (metrics, reports) = (metrics, streams.reports)
        store.observe(
            StoreObserver(
                committed: { metrics.commitTime.observe($0) },
                failed: { error in
                    let output = reports.outputName(of: error.path) ?? ServerMetrics.unnamedOutput
                    metrics.outputErrors[output, error.reason].add()
                }))
    }

    private func commitRegularly() async {
        do throws(StoreError) {
            try await store.run()
        } catch {
            readiness.set("no commits are possible: \(error)")
            logger.critical("no commits are possible", metadata: ["reason": "\(error)"])
        }
    }

    /// Moves streams to the new day's file where the path of their output has the date, and ends those whose certificate has
    /// expired.
    private func followDays() async {
        // Cancellation ends the sleep early, and the loop with it.
        let days = DayFollower(now: { FileTime.now.seconds }, sleep: { try? await Task.sleep(for: $0) })
        await days.run(onNewDay: moveStreams, onLook: endOutdatedStreams)
    }

    /// Ends connections of clients that would not be let in any more.
    private func judgePeers() {
        endOutdatedStreams()
        guard let tls = policy.current.tls else { return }
        let recheck = TLSRecheck(by: tls)
        for channel in connections.all { channel.pipeline.fireUserInboundEventTriggered(recheck) }
    }

    private func endOutdatedStreams() {
        let count = streams.end(by: policy.current.hostBinding, now: FileTime.now.seconds)
        if count > 0 { logger.notice("streams end with their certificates", metadata: ["streams": "\(count)"]) }
    }

    /// Sends streams to the outputs that they belong to by now.
    private func moveStreams() {
        let today = StreamFacts.date(at: FileTime.now.seconds)
        let count = streams.reroute(policy.current.router, on: today) { route in
            store.setRotation(route.rotation, of: OutputTarget(route).location)
        }
        if count > 0 { logger.notice("streams move to other outputs", metadata: ["streams": "\(count)"]) }
    }

    /// Notes that another configuration was asked for, and can't be used.
    package func reloadFailed() { statistics.reloadFailed() }

    /// Puts another configuration in force: rules, limits, certificates and revocations. Connections go on; streams whose
    /// output is another one now are sent to it. ``ServerConfiguration/keysThatNeedRestart(for:)`` says what stays as it is.
    /// Throws as `init`, and changes nothing then.
    package func reload(_ new: ServerConfiguration) throws {
        var policy = try ServerPolicy(new)
        statistics.reloaded()
        let old = self.policy.current
        if (policy.tls == nil) != (old.tls == nil) {
            // All else changes; who may come, and how, stays as it was.
            policy.tls = old.tls
            policy.enrollmentTLS = old.enrollmentTLS
            policy.registrar = old.registrar
            policy.isEnrollmentEverywhere = old.isEnrollmentEverywhere
            policy.hostBinding = old.hostBinding
        }
        self.policy.replace(with: policy)
        connections.limit(to: new.limits)
        streams.limit(to: new.limits.streamsPerHostMax)
        limiter.change(new.rates)
        moveStreams()
        judgePeers()
    }

    private func makeAcceptor(_ pools: Pools) -> ConnectionAcceptor {
        ConnectionAcceptor(
            admission: StreamAdmission(
                policy: policy, store: store, registry: streams, threadPool: pools.outputs,
                logger: logger, clock: { FileTime.now.seconds },
                takeoverTimeout: configuration.limits.handshakeTimeout / 2, statistics: statistics),
            connections: connections, streams: streams, limiter: limiter, statistics: statistics, policy: policy,
            door: door, enrollmentPool: pools.enrollment, refusals: refusals, logger: logger)
    }

    /// Tells every connection to end and waits until they have, or until the grace is over.
    private func stop(_ listeners: [any Channel], _ acceptor: ConnectionAcceptor) async {
        for listener in listeners { listener.close(promise: nil) }
        let channels = acceptor.connections.all
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(StopCommand.shutdown) }
        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                for channel in channels { try? await channel.closeFuture.get() }
                return true
            }
            tasks.addTask {
                try? await Task.sleep(for: configuration.limits.shutdownGrace)
                return false
            }
            if await tasks.next() == false {
                logger.warning("closing connections that did not end in time")
                for channel in channels { channel.close(promise: nil) }
            }
            tasks.cancelAll()
        }
    }

    private func untilGracefulShutdown() async {
        // The stream never yields: it ends at the shutdown.
        let (shutdown, continuation) = AsyncStream<Never>.makeStream()
        await withGracefulShutdownHandler {
            for await _ in shutdown {}
        } onGracefulShutdown: {
            continuation.finish()
        }
    }

    private func describe(_ address: SocketAddress?) -> String {
        guard let address, let ip = address.ipAddress, let port = address.port else { return "?" }
        return ServerConfiguration.Listener(address: ip, port: port).description
    }
}
