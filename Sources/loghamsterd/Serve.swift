import ArgumentParser
import HamsterConfiguration
import HamsterEnrollment
import HamsterFiles
import HamsterMetrics
import HamsterProgram
import HamsterServer
import HamsterStatus
import HamsterStore
import HamsterTLS
import Logging
import ServiceLifecycle

/// `loghamsterd --config F`: serves until SIGTERM.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve until SIGTERM (the default command).", shouldDisplay: false)

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let program = LogHamsterDaemon.program
        let settings = try options.settings(program, opensCredentials: true)
        let logger = program.logger(settings.log)
        for warning in settings.warnings { logger.warning("unsafe setting", metadata: ["reason": "\(warning)"]) }
        let sockets = try sockets(program, settings)
        // Before anything is touched: a certificate that can't be used is a wrong configuration.
        try settings.check()
        let descriptors = program.raiseDescriptorLimit(logger)
        warn(ofFewDescriptors: descriptors, settings.server.limits, logger)
        let store = try Store(
            settings.server.store, fileSystem: LinuxFileSystem(), now: { FileTime.now.seconds },
            onFailure: { report($0, logger) }, onEvent: { log($0, logger) })
        defer { store.close() }
        log(store.recovery, logger)
        let server = try LogHamsterServer(
            configuration: settings.server, sockets: sockets, store: store, logger: logger)
        let started = FileTime.now.seconds
        let status = try StatusService(directory: settings.server.store.stateDirectory, logger: logger) {
            .object(StatusDocument.head(started: started) + server.status + [Program.status(of: server.credentials)])
        }
        let metrics = try settings.metrics.map { try metricsService($0, server, logger) }
        let reloader = reloader(server, metrics, settings, descriptors: descriptors, logger)
        let credentials = CredentialWatch(settings.credentials, logger: logger) { reloader.reloadCertificates() }
        let expiry = ExpiryWatch(logger: logger) { server.credentials + (metrics?.credentials ?? []) }
        let others: [(any Service)?] = [status, metrics, credentials, expiry]
        let subject = SupervisedService.Subject(
            untilReady: server.untilListening, loops: { server.loops }, status: { server.summary })
        try await program.run(server, beside: others.compactMap(\.self), as: subject, log: settings.log) {
            let count = store.reopenOutputs()
            logger.notice("SIGHUP: outputs are reopened", metadata: ["outputs": "\(count)"])
            credentials.watch(reloader.reload().credentials)
        }
    }

    private func metricsService(
        _ configuration: MetricsConfiguration, _ server: LogHamsterServer, _ logger: Logger
    ) throws -> MetricsService {
        let build = LogHamsterServer.Build(
            version: Program.version, swift: Program.swiftVersion, openSSL: OpenSSLVersion.text)
        return try MetricsService(
            configuration,
            source: MetricsSource(
                write: { server.writeMetrics(build, to: &$0) }, obstacle: { server.obstacle }), logger: logger)
    }

    private func reloader(
        _ server: LogHamsterServer, _ metrics: MetricsService?, _ settings: ServerSettings, descriptors: Int,
        _ logger: Logger
    ) -> Reloader<ServerSettings> {
        Reloader(
            settings, logger: logger,
            Reloader.Actions(
                read: { [options] in
                    let settings = try options.settings(LogHamsterDaemon.program, opensCredentials: true)
                    for warning in settings.warnings {
                        logger.warning("unsafe setting", metadata: ["reason": "\(warning)"])
                    }
                    return settings
                },
                apply: { old, new in
                    if let metrics = new.metrics { try MetricsService.check(metrics) }
                    try server.reload(new.server)
                    if let configuration = new.metrics { try metrics?.reload(configuration) }
                    if new.server.limits.connectionsMax != old.server.limits.connectionsMax {
                        warn(ofFewDescriptors: descriptors, new.server.limits, logger)
                    }
                    return settings.keysThatNeedRestart(for: new)
                },
                failed: { server.reloadFailed() }))
    }

    /// What systemd has opened for us. A socket that is named `proxy` is one for load balancers, and `enroll` one for that alone.
    private func sockets(_ program: Program, _ settings: ServerSettings) throws -> [ListeningSocket] {
        try SocketActivation(program.environment).sockets.map { socket in
            let isForEnrollment = socket.name == "enroll"
            if isForEnrollment, settings.server.enrollment?.hasOwnListener != true {
                // Else hosts without a certificate would be let in where streams come.
                throw ProgramFailure(
                    .configuration, ["socket 'enroll': set 'listen' in [enroll], in whose place it is"])
            }
            guard socket.name == "proxy" else {
                return ListeningSocket(
                    descriptor: socket.descriptor, proxies: nil, isForEnrollment: isForEnrollment)
            }
            guard !settings.server.proxies.isEmpty else {
                throw ProgramFailure(
                    .configuration, ["socket 'proxy': nobody may connect: set 'from' in [proxy_protocol]"])
            }
            return ListeningSocket(descriptor: socket.descriptor, proxies: settings.server.proxies)
        }
    }

    /// A stream has a connection and, unless it shares one, an output.
    private func warn(ofFewDescriptors descriptors: Int, _ limits: ServerConfiguration.Limits, _ logger: Logger) {
        guard descriptors < 2 * limits.connectionsMax else { return }
        logger.warning(
            "fewer files may be open than max_connections needs: raise LimitNOFILE, or lower limits.max_connections",
            metadata: ["files": "\(descriptors)", "max_connections": "\(limits.connectionsMax)"])
    }

    private func report(_ error: StoreError, _ logger: Logger) {
        switch error.code {
        case .removed, .truncated:
            logger.warning("output was changed by another program", metadata: ["reason": "\(error)"])
        case .rotation, .nameTaken, .retention:
            logger.error("output not rotated", metadata: ["reason": "\(error)"])
        case .busy, .locked, .damagedJournal, .unknownJournalVersion, .stateFolder, .outputFolder, .journal, .output,
            .lost, .closed:
            logger.error("storing failed", metadata: ["reason": "\(error)"])
        }
    }

    private func log(_ event: StoreEvent, _ logger: Logger) {
        switch event {
        case .rotated(let output, let rotated, let byteCount):
            logger.notice(
                "output rotated",
                metadata: ["output": "\(output)", "rotated": "\(rotated)", "bytes": "\(byteCount)"])
        case .compressed(let rotated, let compressed, let byteCount, let compressedByteCount):
            logger.info(
                "rotated output compressed",
                metadata: [
                    "rotated": "\(rotated)", "compressed": "\(compressed)", "bytes": "\(byteCount)",
                    "compressed_bytes": "\(compressedByteCount)",
                ])
        case .removed(let rotated):
            logger.info("rotated output removed", metadata: ["rotated": "\(rotated)"])
        case .spaceIsLow(let output, let free, let floor):
            logger.error(
                "outputs refused until their file system has more space: free some, or lower durability.free_space",
                metadata: ["output": "\(output)", "free_bytes": "\(free)", "free_space": "\(floor)"])
        case .spaceIsBack(let output, let free):
            logger.notice(
                "outputs accepted again, their file system has space",
                metadata: ["output": "\(output)", "free_bytes": "\(free)"])
        }
    }

    private func log(_ recovery: StoreRecovery, _ logger: Logger) {
        // A journal that was lost is what an operator must see: streams then go on from where their clients say.
        logger.notice(
            recovery.isFresh ? "new journal" : "journal opened", metadata: ["streams": "\(recovery.streamCount)"])
        if recovery.journalBytesTorn > 0 {
            logger.notice("torn end of the journal dropped", metadata: ["bytes": "\(recovery.journalBytesTorn)"])
        }
        for failure in recovery.failures {
            logger.error("output not recovered yet", metadata: ["reason": "\(failure)"])
        }
        for path in recovery.outputsReplaced {
            logger.notice("output was removed or replaced", metadata: ["output": "\(path)"])
        }
        for cut in recovery.outputsCut {
            logger.notice(
                "output cut back to its last commit",
                metadata: ["output": "\(cut.path)", "bytes": "\(cut.byteCount)"])
        }
        for problem in recovery.outputsShorter {
            logger.warning(
                "output is shorter than it was",
                metadata: ["output": "\(problem.path)", "missing_bytes": "\(problem.byteCount)"])
        }
    }
}

extension ServerSettings {
    /// Opens the certificates that a server with these settings would use. Throws `TLSError`.
    func check() throws {
        try LogHamsterServer.check(server)
        if let metrics { try MetricsService.check(metrics) }
    }
}
