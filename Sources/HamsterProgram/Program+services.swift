package import HamsterConfiguration
internal import Logging
package import ServiceLifecycle
internal import UnixSignals

extension Program {
    /// Runs `main` and what belongs beside it until SIGTERM or SIGINT, or until `main` returns; then all end in order.
    /// `onHangup` is called at SIGHUP, not twice at a time.
    package func run(
        _ main: any Service, beside others: [any Service] = [], log settings: LogSettings,
        onHangup: (@Sendable () async -> Void)? = nil
    ) async throws {
        let logger = logger(settings)
        let services: [any Service] = others + [HangupService(logger: logger, action: onHangup)]
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
