package import HamsterCore
package import HamsterFiles
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRateLimit
package import HamsterState
package import HamsterStatus
package import HamsterTLS
internal import HamsterTail
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// The client: finds files, ships them, remembers how far it came, until it is told to stop.
package final class ShippingService: Service {
    /// How often the state reaches the disk at most. What is lost with a crash is asked from the server again.
    private static let saveInterval: Duration = .seconds(1)
    /// How many paths are worked on for each connection that there may be: one has it, another waits for it.
    private static let workersOfConnection = 2
    /// And the least pause between two saves, in lengths of one: with very many files a save is work.
    private static let savePauseFactor = 20

    private let live: LiveConfiguration
    private let state: StateStore
    private let fileSystem: any FileSystem
    private let logger: Logger
    /// How far the files are.
    package let progress = ShippingProgress()
    /// The paths that were given up, where the retry policy allows that.
    package let failures = ShippingFailures()
    private let catalogue: SharedCatalogue
    let metrics = ClientMetrics()
    let lagWatch = LagWatch()
    let shippers = ShipperTable()
    private let phase = ShippingPhase()
    private let running = Mutex<ShippingEnvironment?>(nil)

    /// Opens nothing yet.
    package init(
        configuration: ClientConfiguration, state: StateStore, fileSystem: any FileSystem, logger: Logger
    ) {
        live = LiveConfiguration(configuration)
        self.state = state
        self.fileSystem = fileSystem
        self.logger = logger
        catalogue = SharedCatalogue(
            FileCatalogue(
                configuration.inputs.map(\.files), state: state, fileSystem: fileSystem,
                budget: OpenFileBudget(filesMax: configuration.openFilesMax)))
    }

    /// Opens the certificates that a client would use. Throws `TLSError`.
    package static func check(_ configuration: ClientConfiguration) throws {
        for target in configuration.targets {
            guard let tls = target.tls else { continue }
            _ = try TLSContext(client: tls, applicationProtocols: [ProtocolLimits.applicationProtocol])
        }
    }

    /// Throws where a file that an input names without wildcards can't be read.
    package static func checkReadable(
        _ configuration: ClientConfiguration, _ fileSystem: some FileSystem
    ) throws(FileError) {
        for path in configuration.inputs.flatMap(\.files.patterns).compactMap(\.literalPath) {
            _ = try fileSystem.open(path)
        }
    }

    /// What the shippers share, while the client runs.
    var environment: ShippingEnvironment? { running.withLock { $0 } }

    var inputLabels: [String] { live.current.inputs.enumerated().map { $1.label(at: $0) } }

    /// The certificates that are in use, with their ends; empty before the first target is spoken to.
    package var credentials: [CredentialValidity] { running.withLock { $0 }?.connector.credentials ?? [] }

    /// How the files fare at present, for `loghamsterc status`. Looks at open files: never on an event loop.
    package var status: [JSON.Member] {
        ShippingStatus(
            paths: shippers.all.map(\.path), target: running.withLock { $0 }?.connector.preferredTarget ?? "-",
            progress: progress.snapshot, acknowledgedBytes: metrics.acknowledgedBytes.total
        ).document
    }

    /// See ``ClientConfiguration/renewedIdentity``.
    var renewedIdentity: String? { live.current.renewedIdentity }
    var targets: [ClientConfiguration.Target] { live.current.targets }
    var connectTimeout: Duration { live.current.connectTimeout }

    /// Opens every stream anew, one after the other, in so many seconds. Returns early at cancellation.
    func reconnect(within seconds: Int64) async {
        let all = shippers.all
        let pause: Duration = .seconds(seconds) / max(1, all.count)
        for shipper in all {
            guard !Task.isCancelled else { return }
            shipper.reopen()
            try? await Task.sleep(for: pause)
        }
    }

    /// Returns after the first look for files, or at cancellation.
    package func untilFirstLook() async { await phase.untilFirstLook() }

    /// The loops without which nothing is found, sent or remembered.
    package var loops: [WorkLoop] { phase.loops }

    /// How the files fare, in one line.
    package var summary: String {
        let (files, target) = (progress.snapshot, running.withLock { $0 }?.connector.preferredTarget ?? "-")
        return
            "\(files.files) files found for \(target), \(files.bytesAcknowledged) of \(files.bytes) bytes acknowledged"
    }

    /// Returns at graceful shutdown or cancellation after the last acknowledgements, or, where all inputs are sent once,
    /// when they are delivered or given up. Throws `TLSError` for certificates that can't be used, `FileError` where
    /// the system allows no watching.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: min(4, System.coreCount))
        let compression = CompressionPool(threadsMax: min(4, System.coreCount))
        let threadPool = NIOThreadPool(numberOfThreads: 4)
        threadPool.start()
        let result: Result<Void, any Error>
        do {
            let environment = try environment(group, threadPool, compression)
            running.withLock { $0 = environment }
            defer {
                environment.connector.closeIdle()
                running.withLock { $0 = nil }
            }
            phase.begin(on: group)
            defer { phase.end() }
            result = .success(try await ship(environment))
        } catch {
            result = .failure(error)
        }
        // Before the event loops, which get what is compressed.
        try await compression.shutDown()
        try await group.shutdownGracefully()
        try await threadPool.shutdownGracefully()
        try result.get()
    }

    private static func limiter(_ configuration: ClientConfiguration, on loop: any EventLoop) -> RateLimiter {
        RateLimiter(
            RateLimits(total: configuration.bytesPerSecond),
            RateLimiter.Scheduling(now: { .uptime }) { delay, wake in
                loop.scheduleTask(in: TimeAmount(delay)) { wake() }
            })
    }

    private func environment(
        _ group: MultiThreadedEventLoopGroup, _ threadPool: NIOThreadPool, _ compression: CompressionPool
    ) throws(TLSError) -> ShippingEnvironment {
        let configuration = live.current
        return ShippingEnvironment(
            live: live, state: state, catalogue: catalogue,
            slots: ConnectionSlots(slotsMax: configuration.connectionsMax),
            connector: try Connector(
                configuration, group: group, threadPool: threadPool, compression: compression, logger: logger,
                metrics: metrics),
            limiter: Self.limiter(configuration, on: group.any()), progress: progress, metrics: metrics,
            threadPool: threadPool,
            logger: logger, phase: phase)
    }

    /// Puts another configuration in force: inputs, targets, certificates, rates. Streams go on where nothing changes for
    /// them, and are opened anew otherwise. ``ClientConfiguration/keysThatNeedRestart(for:)`` says what stays as it is. Throws
    /// `TLSError`, and changes nothing then.
    package func reload(_ new: ClientConfiguration) throws(TLSError) {
        let endpoints = try Connector.Endpoint.all(new)
        guard let environment = running.withLock({ $0 }) else { return }
        environment.connector.use(endpoints, connectTimeout: new.connectTimeout)
        environment.slots.limit(to: new.connectionsMax)
        environment.limiter.change(RateLimits(total: new.bytesPerSecond))
        live.offer(new)
        metrics.reloads["ok"].add()
        environment.rescan.request()
        for shipper in shippers.all { shipper.retry() }
    }

    private func ship(_ environment: ShippingEnvironment) async throws {
        let result = await withTaskGroup(of: Void.self) { saving in
            saving.addTask { await self.saveRegularly(environment.threadPool) }
            saving.addTask { await environment.connector.returnToFirst() }
            defer { saving.cancelAll() }
            return await cancelWhenGracefulShutdown {
                await self.shipAll(environment)
            }
        }
        // Here and now, also where the task is cancelled: nothing else runs any more.
        try state.save()
        try result.get()
        logger.notice(
            "stopped",
            metadata: [
                "files": "\(progress.snapshot.files)", "acknowledged_bytes": "\(metrics.acknowledgedBytes.total)",
            ])
    }

    /// Ends by itself once every shipper has ended that has an end, where all have one.
    private func shipAll(_ environment: ShippingEnvironment) async -> Result<Void, FileError> {
        let ended = WakeSignal()
        return await withTaskGroup(of: Result<Void, FileError>?.self) { group in
            group.addTask { await self.watchAndShip(environment, ended) }
            if live.current.inputs.allSatisfy({ $0.files.method == .untilRotated }) {
                group.addTask {
                    await ended.wait()
                    return nil
                }
            }
            var result = await group.next() ?? nil
            group.cancelAll()
            for await other in group { result = result ?? other }
            return result ?? .success(())
        }
    }

    private func watchAndShip(
        _ environment: ShippingEnvironment, _ ended: WakeSignal
    ) async -> Result<Void, FileError> {
        let queue = WorkQueue<Shipping>()
        async let watched = watch(environment, queue)
        await withDiscardingTaskGroup { group in
            while let work = await queue.next(workersMax: Self.workersOfConnection * live.current.connectionsMax) {
                group.addTask {
                    await self.ship(work, ended)
                    queue.ended()
                }
            }
        }
        return await watched
    }

    private func watch(_ environment: ShippingEnvironment, _ queue: WorkQueue<Shipping>) async -> Result<
        Void, FileError
    > {
        defer { queue.finish() }
        var watcher = InputWatcher(environment: environment, shippers: shippers)
        do throws(FileError) {
            try await watcher.run { queue.add(Shipping(shipper: $0, predecessor: $1)) }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func ship(_ work: Shipping, _ ended: WakeSignal) async {
        await work.predecessor?.waitForEnd()
        do throws(ClientError) {
            try await work.shipper.run()
        } catch {
            failures.add(work.shipper.path.followed.path, error)
        }
        if work.shipper.hasEnd, work.shipper.hasEnded { ended.raise() }
    }

    private struct Shipping: Sendable {
        let shipper: PathShipper
        /// The one that shipped the path before, and has to end first.
        let predecessor: PathShipper?
    }

    private func saveRegularly(_ threadPool: NIOThreadPool) async {
        var hasFailed = false
        var pause = Self.saveInterval
        while !Task.isCancelled {
            phase.ofSaves.answer()
            do {
                try await Task.sleep(for: pause)
                let start = ContinuousClock.now
                try await threadPool.runIfActive { try self.state.save() }
                pause = max(Self.saveInterval, (.now - start) * Self.savePauseFactor)
                hasFailed = false
            } catch is CancellationError {
                return
            } catch {
                if !hasFailed { logger.error("state not saved", metadata: ["reason": "\(error)"]) }
                hasFailed = true
            }
        }
    }
}
