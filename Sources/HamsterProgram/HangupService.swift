package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Answers SIGHUP, which would otherwise end the program: there is no reload yet.
package struct HangupService: Service {
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                logger.warning("SIGHUP ignored: reload is not supported yet, restart instead")
            }
        }
    }
}
