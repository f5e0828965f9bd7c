package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Answers SIGHUP, which would otherwise end the program.
package struct HangupService: Service {
    private let logger: Logger
    private let action: (@Sendable () -> Void)?

    /// Without an action the signal only gets a warning.
    package init(logger: Logger, action: (@Sendable () -> Void)? = nil) {
        self.logger = logger
        self.action = action
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { answer() }
        }
    }

    private func answer() {
        guard let action else {
            logger.warning("SIGHUP ignored: reload is not supported yet, restart instead")
            return
        }
        action()
    }
}
