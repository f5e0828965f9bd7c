internal import HamsterRouting

/// Follows the days in UTC, by a clock that may be set at any time.
struct DayFollower {
    /// The clock is looked at so often, in seconds, since it may be set.
    private static let lookIntervalMax: Int64 = 60

    /// Unix time in seconds.
    let now: @Sendable () -> Int64
    /// Returns after this time, or at cancellation.
    let sleep: @Sendable (Duration) async -> Void

    /// Calls `onNewDay` when another day has begun, and after that `onLook`, which is called at each look; returns at
    /// cancellation.
    func run(onNewDay: () -> Void, onLook: () -> Void) async {
        var date = StreamFacts.date(at: now())
        while !Task.isCancelled {
            let today = StreamFacts.date(at: now())
            if today != date { onNewDay() }
            date = today
            onLook()
            let untilMidnight = 86_400 - now() % 86_400
            await sleep(.seconds(min(untilMidnight, Self.lookIntervalMax)))
        }
    }
}
