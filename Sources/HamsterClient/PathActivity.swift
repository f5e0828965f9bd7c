internal import Synchronization

/// Whether a task works on a path. A path with nothing to send has none: each of thousands of quiet files would hold
/// the memory of one. Any thread may use it.
final class PathActivity: Sendable {
    private enum State {
        /// A task runs, or was asked for. `isWoken`: it has to look again before it rests.
        case working(isWoken: Bool)
        case resting
        case ended
    }

    private let state = Mutex(State.working(isWoken: false))
    private let ended = WakeSignal()

    /// There may be something to do. True: no task runs, and the caller has to see to it that one does.
    func resume() -> Bool {
        state.withLock { state in
            switch state {
            case .working:
                state = .working(isWoken: true)
                return false
            case .resting:
                state = .working(isWoken: false)
                return true
            case .ended:
                return false
            }
        }
    }

    /// The task has found nothing to do, and ends. False: something has changed since it looked.
    func rest() -> Bool {
        state.withLock { state in
            guard case .working(let isWoken) = state else { return true }
            state = isWoken ? .working(isWoken: false) : .resting
            return !isWoken
        }
    }

    /// Nothing will ever be done again.
    func end() {
        state.withLock { $0 = .ended }
        ended.raise()
    }

    var hasEnded: Bool { state.withLock { if case .ended = $0 { true } else { false } } }

    /// Returns after ``end()``, or at cancellation. One waiter.
    func waitForEnd() async { await ended.wait() }
}
