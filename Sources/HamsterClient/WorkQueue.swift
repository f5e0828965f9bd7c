internal import DequeModule
internal import Synchronization

/// What is to be done, in the order in which that was seen, and only so much of it at a time: whatever is at work has
/// the memory of a task, and tens of thousands of paths may have something to send at once, of which only those with a
/// connection get ahead. Any thread may use it, but one takes from it.
final class WorkQueue<Work: Sendable>: Sendable {
    private struct State {
        var waiting = Deque<Work>()
        var atWork = 0
        /// How many more may be at work, since those that are get nowhere.
        var surplus = 0
        var lastTaken = ContinuousClock.now
        var isFinished = false
    }

    private enum Step {
        case take(Work)
        case wait(atMost: Duration?)
        case end
    }

    private let stallMax: Duration
    private let state = Mutex(State())
    private let signal = WakeSignal()

    /// Those at work may all wait for something that takes long: after `stallMax` as many more are let in.
    init(stallMax: Duration = .seconds(1)) { self.stallMax = stallMax }

    func add(_ work: Work) {
        state.withLock { $0.waiting.append(work) }
        signal.raise()
    }

    /// What was taken is done.
    func ended() {
        state.withLock { $0.atWork -= 1 }
        signal.raise()
    }

    /// Nothing will be added any more.
    func finish() {
        state.withLock { $0.isFinished = true }
        signal.raise()
    }

    /// Waits until there is something to do, and less than `workersMax` at work, or nothing of that has ended for a while.
    /// Nil at the end of all, and at cancellation.
    func next(workersMax: Int) async -> Work? {
        while !Task.isCancelled {
            switch step(workersMax, now: .now) {
            case .take(let work): return work
            case .wait(atMost: nil): await signal.wait()
            case .wait(let duration?): await signal.wait(atMost: duration)
            case .end: return nil
            }
        }
        return nil
    }

    private func step(_ workersMax: Int, now: ContinuousClock.Instant) -> Step {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.surplus = 0
                return state.isFinished ? .end : .wait(atMost: nil)
            }
            if state.atWork >= workersMax + state.surplus {
                let stall = now - state.lastTaken
                guard stall >= stallMax else { return .wait(atMost: stallMax - stall) }
                state.surplus += workersMax
            }
            state.atWork += 1
            state.lastTaken = now
            return .take(state.waiting.removeFirst())
        }
    }
}
