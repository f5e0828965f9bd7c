internal import Logging
internal import NIOCore
internal import Synchronization

/// Log lines about peers that are turned away: one a second, and how many more there were. Nobody fills a disk by knocking.
///
/// The count is a line of its own, at the latest a second after the last refusal.
final class RefusalLog: Sendable {
    private struct State {
        /// Nothing is written before this.
        var silentUntil: NIODeadline?
        var unwritten = 0
    }

    private static let interval: TimeAmount = .seconds(1)

    private let logger: Logger
    private let state = Mutex(State())

    init(logger: Logger) { self.logger = logger }

    /// Writes a line, or counts it. `logger` has what is known of the connection, whose event loop is `loop`.
    func note(
        _ level: Logger.Level, _ message: Logger.Message, reason: @autoclosure () -> String, _ logger: Logger,
        on loop: any EventLoop
    ) {
        guard logger.logLevel <= level else { return }
        enum Answer { case write(unwritten: Int), scheduleSummary, count }
        let now = loop.now
        let answer = state.withLock { state -> Answer in
            if let silentUntil = state.silentUntil, now < silentUntil {
                state.unwritten += 1
                return state.unwritten == 1 ? .scheduleSummary : .count
            }
            defer { state = State(silentUntil: now + Self.interval) }
            return .write(unwritten: state.unwritten)
        }
        switch answer {
        case .write(let unwritten):
            summarize(unwritten)
            logger.log(level: level, message, metadata: ["reason": "\(reason())"])
        case .scheduleSummary: loop.scheduleTask(in: Self.interval) { self.flush() }
        case .count: break
        }
    }

    /// Writes how many lines are missing.
    func flush() {
        summarize(
            state.withLock { state in
                defer { state.unwritten = 0 }
                return state.unwritten
            })
    }

    private func summarize(_ count: Int) {
        guard count > 0 else { return }
        logger.notice("more were refused and are not listed", metadata: ["count": "\(count)"])
    }
}

/// Two logs, so that strangers can't hide what becomes of peers whose certificate was verified.
struct RefusalLogs: Sendable {
    let ofStrangers: RefusalLog
    let ofPeers: RefusalLog

    init(logger: Logger) {
        ofStrangers = RefusalLog(logger: logger)
        ofPeers = RefusalLog(logger: logger)
    }

    func flush() {
        ofStrangers.flush()
        ofPeers.flush()
    }
}
