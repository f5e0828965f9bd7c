/// How often less than a chunk is sent: once in an interval in the long run, and at once where that was not made use of
/// for a while, so that a line waits for nothing as long as lines are few. This is the generic cell rate algorithm
/// (ITU-T I.371). Times are of any clock that only goes forward.
struct SendPace: Sendable {
    /// How many may go out at once after a pause, as far as that is not more than ``burstTime`` allows.
    static let burstMax = 16
    /// Who has set a long interval wants to gather.
    static let burstTime: Duration = .milliseconds(160)

    private let interval: Duration
    private let burst: Int
    /// When what was sent would have been sent at the steady rate.
    private var due: Duration?

    init(interval: Duration) {
        self.interval = interval
        burst = interval > .zero ? min(Self.burstMax, max(1, Int(Self.burstTime / interval))) : 1
    }

    /// How long the next one has to wait.
    func delay(at now: Duration) -> Duration {
        guard let due else { return .zero }
        return max(.zero, due - interval * (burst - 1) - now)
    }

    /// Something is sent, of any size.
    mutating func sent(at now: Duration) {
        let next = max(due ?? now, now) + interval
        // Who has sent much at once waits no longer than who has sent often.
        due = min(next, now + interval * burst)
    }
}
