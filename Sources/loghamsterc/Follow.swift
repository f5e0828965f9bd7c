import ArgumentParser
import Glibc
import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterFiles
import HamsterMetrics
import HamsterProgram
import HamsterState
import HamsterStatus
import Logging
import ServiceLifecycle

/// `loghamsterc --config F` and `loghamsterc --target HOST:PORT FILE…`: ships files as they grow, until SIGTERM.
struct Follow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ship files as they grow, until SIGTERM (the default command).", shouldDisplay: false)

    @OptionGroup var options: ClientOptions

    @Argument(help: "Files to follow, in place of the configuration's inputs.", completion: .file())
    var files: [String] = []

    /// A word that is no command counts as a file. Where there is none of that name it was meant as a command.
    func validate() throws {
        guard let word = files.first, !word.contains("/"), access(word, F_OK) != 0 else { return }
        let commands = LogHamsterCommand.configuration.subcommands.map { $0._commandName }
        guard let command = nearestKey(to: word, among: commands) else { return }
        throw ValidationError(
            "there is neither a command nor a file '\(printable(word.utf8))' (did you mean '\(command)'?)")
    }

    func run() async throws {
        let program = LogHamsterCommand.program
        var settings = try options.settings(
            program, files: files.isEmpty ? nil : files, isOnce: false, opensCredentials: true)
        let logger = program.logger(settings.log)
        for warning in settings.warnings { logger.warning("unsafe setting", metadata: ["reason": "\(warning)"]) }
        // Before anything is touched: a certificate that can't be used is a wrong configuration.
        try settings.check()
        settings.client.useDescriptors(program.raiseDescriptorLimit(logger))
        let fileSystem = LinuxFileSystem()
        let state = try StateStore(directory: settings.stateDirectory, fileSystem: fileSystem)
        if let damage = state.damage {
            logger.warning(
                "state file was damaged and moved aside; the server's records serve instead",
                metadata: ["reason": "\(damage.reason)"])
        }
        let shipping = ShippingService(
            configuration: settings.client, state: state, fileSystem: fileSystem, logger: logger)
        let started = FileTime.now.seconds
        let status = try StatusService(directory: settings.stateDirectory, logger: logger) {
            .object(
                Program.statusHead("loghamsterc", started: started) + shipping.status
                    + [Program.status(of: shipping.credentials)])
        }
        let metrics = try settings.metrics.map { configuration in
            try MetricsService(
                configuration,
                source: MetricsSource(
                    write: { shipping.writeMetrics(to: &$0) }, obstacle: { shipping.obstacle }), logger: logger)
        }
        let reloader = reloader(shipping, metrics, settings, logger)
        let credentials = CredentialWatch(settings.credentials, logger: logger) { reloader.reloadCertificates() }
        let expiry = ExpiryWatch(logger: logger) { shipping.credentials + (metrics?.credentials ?? []) }
        let lag = metrics.map { _ in LagService(shipping: shipping) }
        let renewal = CertificateRenewal(shipping: shipping, fileSystem: fileSystem, logger: logger) {
            credentials.use { reloader.reloadCertificates() }
        }
        let others: [(any Service)?] = [status, metrics, lag, credentials, expiry, renewal]
        let subject = SupervisedService.Subject(
            untilReady: shipping.untilFirstLook, loops: { shipping.loops }, status: { shipping.summary })
        try await program.run(shipping, beside: others.compactMap(\.self), as: subject, log: settings.log) {
            credentials.watch(reloader.reload().credentials)
        }
    }

    private func reloader(
        _ shipping: ShippingService, _ metrics: MetricsService?, _ settings: ClientSettings, _ logger: Logger
    ) -> Reloader<ClientSettings> {
        Reloader(
            settings, logger: logger,
            Reloader.Actions(
                read: { [options, files] in
                    let settings = try options.settings(
                        LogHamsterCommand.program, files: files.isEmpty ? nil : files, isOnce: false,
                        opensCredentials: true)
                    for warning in settings.warnings {
                        logger.warning("unsafe setting", metadata: ["reason": "\(warning)"])
                    }
                    return settings
                },
                apply: { _, new in
                    if let metrics = new.metrics { try MetricsService.check(metrics) }
                    try shipping.reload(new.client)
                    if let configuration = new.metrics { try metrics?.reload(configuration) }
                    return settings.keysThatNeedRestart(for: new)
                }, failed: { shipping.reloadFailed() }))
    }
}

/// Keeps the files' ages up to date, for metrics.
private struct LagService: Service {
    let shipping: ShippingService

    func run() async throws { await cancelWhenGracefulShutdown { await shipping.followLag() } }
}

extension ClientSettings {
    /// Opens the certificates that a client with these settings would use. Throws `TLSError`.
    func check() throws {
        try ShippingService.check(client)
        if let metrics { try MetricsService.check(metrics) }
    }
}
