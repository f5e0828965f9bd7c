import Synchronization

/// A time that the test sets, and the alarms that were asked for.
package final class ManualClock: Sendable {
    private struct State {
        var now: Duration = .zero
        var alarms: [(due: Duration, wake: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Duration { state.withLock { $0.now } }

    /// `wake` is called by the ``advance(by:)`` that comes to the end of `delay`.
    package func schedule(in delay: Duration, _ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.alarms.append(($0.now + delay, wake)) }
    }

    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.alarms.filter { $0.due <= state.now }
            state.alarms.removeAll { $0.due <= state.now }
            return due
        }
        for alarm in due { alarm.wake() }
    }
}
