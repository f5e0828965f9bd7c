package import HamsterCore
package import Logging
internal import ServiceLifecycle

/// Keeps the service manager informed for as long as the program runs: once it is ready, that it lives, and what it does.
package struct SupervisedService: Service {
    /// What the manager wants to know of a program.
    package struct Subject: Sendable {
        /// Returns once the program does what it is for, or at cancellation.
        package var untilReady: @Sendable () async -> Void
        /// Those without which it does nothing.
        package var loops: @Sendable () -> [WorkLoop]
        /// One line for people.
        package var status: @Sendable () -> String

        package init(
            untilReady: @escaping @Sendable () async -> Void, loops: @escaping @Sendable () -> [WorkLoop],
            status: @escaping @Sendable () -> String
        ) {
            self.untilReady = untilReady
            self.loops = loops
            self.status = status
        }
    }

    private static let statusInterval: Duration = .seconds(10)

    private let subject: Subject
    private let manager: ServiceManager
    private let logger: Logger

    package init(_ subject: Subject, _ manager: ServiceManager, logger: Logger) {
        self.subject = subject
        self.manager = manager
        self.logger = logger
    }

    /// Returns at graceful shutdown, which the manager hears of first.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await subject.untilReady()
            guard !Task.isCancelled else { return }
            manager.ready(subject.status())
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await reportRegularly() }
                if let timeout = manager.watchdogTimeout { tasks.addTask { await feed(every: timeout / 2) } }
            }
        }
        manager.stopping()
    }

    private func reportRegularly() async {
        var last = ""
        while !Task.isCancelled {
            let status = subject.status()
            if status != last { manager.status(status) }
            last = status
            try? await Task.sleep(for: Self.statusInterval)
        }
    }

    /// A sign of life stands for an answer of every loop: where one is stuck there is none, and the manager does its part.
    private func feed(every interval: Duration) async {
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            for loop in subject.loops() { await waitForTurn(of: loop, longerThan: interval) }
            guard !Task.isCancelled else { return }
            manager.isAlive()
            try? await Task.sleep(until: begin + interval)
        }
    }

    private func waitForTurn(of loop: WorkLoop, longerThan interval: Duration) async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // A cancelled sleep means that the loop has answered.
                guard (try? await Task.sleep(for: interval)) != nil else { return }
                logger.critical(
                    "does not get on: the service manager will end the program", metadata: ["stuck": "\(loop.name)"])
            }
            await loop.turn()
            tasks.cancelAll()
        }
    }
}
