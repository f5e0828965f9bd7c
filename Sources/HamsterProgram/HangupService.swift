internal import Logging
internal import ServiceLifecycle

/// Answers SIGHUP, which would otherwise end the program.
struct HangupService<Signals: AsyncSequence & Sendable>: Service where Signals.Failure == Never {
    private let signals: Signals
    private let logger: Logger
    private let action: (@Sendable () async -> Void)?

    /// Without an action the signal only gets a warning. Signals that come while the action runs are answered by one more
    /// run of it, as are those that came before the service runs.
    init(_ signals: Signals, logger: Logger, action: (@Sendable () async -> Void)? = nil) {
        self.signals = signals
        self.logger = logger
        self.action = action
    }

    /// Returns when there are no more signals, and the last one is answered.
    func run() async throws {
        await cancelWhenGracefulShutdown { await answerAll() }
    }

    private func answerAll() async {
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
