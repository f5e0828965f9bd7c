package import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Answers SIGHUP, which would otherwise end the program.
package struct HangupService: Service {
    private let logger: Logger
    private let action: (@Sendable () async -> Void)?

    /// Without an action the signal only gets a warning. Signals that come while the action runs are answered by one more
    /// run of it.
    package init(logger: Logger, action: (@Sendable () async -> Void)? = nil) {
        self.logger = logger
        self.action = action
    }

    package func run() async throws {
        let (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { for await _ in wishes { await answer() } }
                for await _ in await UnixSignalsSequence(trapping: .sighup) { wish.yield() }
                wish.finish()
            }
        }
    }

    private func answer() async {
        guard let action else {
            logger.warning("SIGHUP ignored: reload is not supported yet, restart instead")
            return
        }
        await action()
    }
}
