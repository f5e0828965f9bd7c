internal import Synchronization

/// Says when a shortage that concerns all files alike is worth a line again. Any thread may use it.
final class ShortageReport: Sendable {
    private static let interval: Duration = .seconds(60)

    private let reportedAt = Mutex<ContinuousClock.Instant?>(nil)

    /// Whether the last time that this was true is long ago.
    func isDue() -> Bool {
        reportedAt.withLock { reportedAt in
            if let last = reportedAt, .now - last < Self.interval { return false }
            reportedAt = .now
            return true
        }
    }
}
