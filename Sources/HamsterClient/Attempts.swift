/// The failures in a row of one path.
struct Attempts {
    let policy: RetryPolicy
    private var failures = 0
    private var lastReported: String?
    private var lastProgress = ContinuousClock.now

    init(policy: RetryPolicy) { self.policy = policy }

    /// The time that a file waited for its place is not held against it.
    mutating func begin() {
        if failures == 0 { lastProgress = .now }
    }

    mutating func succeeded() {
        failures = 0
        lastReported = nil
        lastProgress = .now
    }

    /// Whether this failure was not reported yet.
    mutating func isNews(_ error: ClientError) -> Bool {
        defer { lastReported = "\(error)" }
        return lastReported != "\(error)"
    }

    /// How long to wait before the next attempt. Throws the error where the policy says so.
    mutating func failed(_ error: ClientError, now: ContinuousClock.Instant) throws(ClientError) -> Duration {
        failures += 1
        if policy.isEndedByLastingRefusal, error.isLasting { throw error }
        if let giveUpAfter = policy.giveUpAfter, now - lastProgress > giveUpAfter { throw error }
        return error.isLasting
            ? policy.delayLasting * Double.random(in: 0.5...1) : policy.delay(afterFailures: failures)
    }
}
