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
        await cancelWhenGracefulShutdown {
            await answer(await UnixSignalsSequence(trapping: .sighup))
        }
    }

    /// Answers signals until there are no more of them, and the last one is answered.
    func answer<Signals: AsyncSequence>(_ signals: Signals) async where Signals.Failure == Never {
        let (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await _ in wishes { await answer() } }
            for await _ in signals { wish.yield() }
            wish.finish()
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
