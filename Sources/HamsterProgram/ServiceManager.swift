internal import Glibc
package import Logging
internal import Synchronization

/// Tells the service manager in which phase this process is. What doesn't fit the phase isn't said: a reload before the
/// program is ready must not make it ready, and what stops doesn't come back.
package final class ServiceManager: Sendable {
    private enum Phase {
        case starting, ready, stopping
    }

    /// How long the manager waits for a sign of life until it ends the program; nil: it asks for none.
    package let watchdogTimeout: Duration?
    private let socket: NotificationSocket
    private let logger: Logger
    private let phase = Mutex(Phase.starting)
    private let hasFailed = Atomic<Bool>(false)

    /// Nil where the environment names no service manager, and where it can't be spoken to, which is logged.
    package init?(_ environment: [String: String], processID: Int32 = getpid(), logger: Logger) {
        guard let path = environment["NOTIFY_SOCKET"] else { return nil }
        guard let socket = NotificationSocket(path) else {
            logger.warning("service manager not told anything", metadata: ["NOTIFY_SOCKET": "\(path)"])
            return nil
        }
        self.socket = socket
        self.logger = logger
        let isForOther = environment["WATCHDOG_PID"].map { Int32($0) != processID } ?? false
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdogTimeout = isForOther || microseconds <= 0 ? nil : .microseconds(microseconds)
    }

    /// `status`: one line for people.
    package func ready(_ status: String) {
        phase.withLock { phase in
            guard phase == .starting else { return }
            phase = .ready
            send("READY=1\nSTATUS=\(oneLine(status))")
        }
    }

    /// Says so before and after a reload.
    package func reloading(_ reload: () async -> Void) async {
        let now = ContinuousClock.monotonicMicroseconds
        let isTold = tellWhileReady("RELOADING=1\nMONOTONIC_USEC=\(now)\nSTATUS=reloading")
        await reload()
        // Also where the reload has failed: what was in force is, and the log says why.
        if isTold { tellWhileReady("READY=1") }
    }

    package func stopping() {
        phase.withLock { phase in
            guard phase != .stopping else { return }
            phase = .stopping
            send("STOPPING=1\nSTATUS=stopping")
        }
    }

    /// One line for people.
    package func status(_ status: String) { tellWhileReady("STATUS=\(oneLine(status))") }

    /// A sign of life.
    package func isAlive() { tellWhileReady("WATCHDOG=1") }

    @discardableResult
    private func tellWhileReady(_ text: String) -> Bool {
        // Under the lock, so that nothing is sent after the last word.
        phase.withLock { phase in
            guard phase == .ready else { return false }
            send(text)
            return true
        }
    }

    private func oneLine(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }

    /// A manager that can't be told costs one line in the log, never the program.
    private func send(_ text: String) {
        let code = socket.send(text)
        let isFailure = code != 0
        guard hasFailed.exchange(isFailure, ordering: .acquiringAndReleasing) != isFailure, isFailure else { return }
        logger.warning("service manager not told", metadata: ["reason": "\(String(cString: strerror(code)))"])
    }
}

extension ContinuousClock {
    /// CLOCK_MONOTONIC, which the protocol asks for.
    fileprivate static var monotonicMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
