package import HamsterConfiguration
internal import Logging
package import ServiceLifecycle
internal import UnixSignals

extension Program {
    /// Runs `main` and what belongs beside it until SIGTERM or SIGINT, or until `main` returns; then all end in order. The
    /// system gets memory back whenever the program comes to rest.
    /// `onHangup` is called at SIGHUP, not twice at a time. A service manager is told of
    /// `subject`, where there are both.
    package func run(
        _ main: any Service, beside others: [any Service] = [], as subject: SupervisedService.Subject? = nil,
        log settings: LogSettings,
        onHangup: (@Sendable () async -> Void)? = nil
    ) async throws {
        let logger = logger(settings)
        var (services, action) = (others, onHangup)
        var supervision: [any Service] = []
        if let subject, let manager = ServiceManager(environment, logger: logger) {
            supervision = [SupervisedService(subject, manager, logger: logger)]
            if let onHangup { action = { await manager.reloading(onHangup) } }
        }
        // They are shut down from the end on: the manager hears first that the program stops.
        services += Self.hangups.map { [HangupService($0, logger: logger, action: action)] } ?? []
        services += [MemoryReturn()] + supervision
        var lifecycleLogger = logger
        // The group tells of every step; only what is wrong is worth a line.
        lifecycleLogger.logLevel = settings.level == .trace ? .trace : .warning
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: main, successTerminationBehavior: .gracefullyShutdownGroup)]
                    + services.map { .init(service: $0, successTerminationBehavior: .ignore) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: lifecycleLogger))
        try await group.run()
    }
}
