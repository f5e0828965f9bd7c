internal import Synchronization

/// What ``InputWatcher`` waits for: events, a time, or the wish that it looks at everything before its time. Any thread may use it.
final class RescanRequest: Sendable {
    private let isMade = Atomic<Bool>(false)
    private let signal = WakeSignal()

    func request() {
        isMade.store(true, ordering: .releasing)
        signal.raise()
    }

    /// Ends the wait without such a wish.
    func wake() { signal.raise() }

    /// Returns after a request, at cancellation, or for no reason: ``take()`` tells. One waiter at a time.
    func wait() async { await signal.wait() }

    /// Whether there was a request since the last call.
    func take() -> Bool { isMade.exchange(false, ordering: .acquiringAndReleasing) }
}
