internal import Synchronization

/// Shares out rates among streams on several threads. Data waits, and none is dropped.
package final class RateLimiter: Sendable {
    /// Where the time comes from, and who wakes the limiter.
    package struct Scheduling: Sendable {
        /// A time that never runs backwards.
        package var now: @Sendable () -> Duration
        /// Calls back once, after the time that is handed in.
        package var wake: @Sendable (Duration, @escaping @Sendable () -> Void) -> Void

        package init(
            now: @escaping @Sendable () -> Duration,
            wake: @escaping @Sendable (Duration, @escaping @Sendable () -> Void) -> Void
        ) {
            self.now = now
            self.wake = wake
        }
    }

    private struct State {
        var tree: RateTree
        /// When the alarm goes off that counts. Earlier ones that it took the place of go off as well, and do nothing.
        var alarm: Duration?
    }

    private let scheduling: Scheduling
    private let state: Mutex<State>
    private let limits: Mutex<RateLimits>
    /// Without limits nobody asks the tree.
    fileprivate let isLimiting: Atomic<Bool>

    package init(_ limits: RateLimits, _ scheduling: Scheduling) {
        self.scheduling = scheduling
        self.limits = Mutex(limits)
        isLimiting = Atomic(limits.isLimiting)
        state = Mutex(State(tree: RateTree(limits, now: scheduling.now())))
    }

    /// A gate for one stream. `onTurn` is called, on any thread, where ``RateGate/mayRead()`` said no and would say yes now.
    package func gate(host: String, output: String, onTurn: @escaping @Sendable () -> Void) -> RateGate {
        let id = withTree { $0.join(host: host, output: output, now: $1, onTurn: onTurn) }
        return RateGate(limiter: self, id: id, output: output)
    }

    /// Puts other rates in force, for open gates as well.
    package func change(_ limits: RateLimits) {
        self.limits.withLock { $0 = limits }
        isLimiting.store(limits.isLimiting, ordering: .relaxed)
        withTree { $0.change(limits, now: $1) }
    }

    /// How long streams have waited until their turn came, all of them together.
    package var waited: [RateScope: Duration] { state.withLock { $0.tree.waited } }

    fileprivate func mayRead(_ id: RateTree.ID) -> Bool {
        guard isLimiting.load(ordering: .relaxed) else { return true }
        return withTree { $0.mayRead(id, now: $1) }
    }

    fileprivate func spend(_ byteCount: Int, _ id: RateTree.ID) {
        guard isLimiting.load(ordering: .relaxed) else { return }
        withTree { $0.spend(byteCount, id, now: $1) }
    }

    fileprivate func leave(_ id: RateTree.ID) { withTree { tree, _ in tree.leave(id) } }

    fileprivate func obstacle(of id: RateTree.ID) -> RateScope? { state.withLock { $0.tree.obstacle(of: id) } }

    fileprivate func batchBytesMax(output: String) -> Int {
        guard isLimiting.load(ordering: .relaxed) else { return RateLimits.batchBytes.upperBound }
        return limits.withLock { $0.batchBytesMax(output: output) }
    }

    /// Runs `body`, and sees to it that whoever waits is woken.
    private func withTree<Value: Sendable>(_ body: (RateTree, Duration) -> Value) -> Value {
        let (value, alarm) = state.withLock { state -> (Value, Alarm?) in
            let now = scheduling.now()
            let value = body(state.tree, now)
            return (value, Self.alarm(&state, now))
        }
        arm(alarm)
        return value
    }

    private struct Alarm {
        var time: Duration
        var delay: Duration
    }

    /// The next alarm, where it has to go off before the one that counts.
    private static func alarm(_ state: inout State, _ now: Duration) -> Alarm? {
        guard let due = state.tree.due, state.alarm.map({ due < $0 }) ?? true else { return nil }
        state.alarm = due
        return Alarm(time: due, delay: max(.zero, due - now))
    }

    private func arm(_ alarm: Alarm?) {
        guard let alarm else { return }
        scheduling.wake(alarm.delay) { [weak self] in self?.advance(alarm.time) }
    }

    private func advance(_ time: Duration) {
        let (turns, alarm) = state.withLock { state -> ([@Sendable () -> Void], Alarm?) in
            guard state.alarm == time else { return ([], nil) }
            let now = scheduling.now()
            state.alarm = nil
            let turns = state.tree.advance(now: now)
            return (turns, Self.alarm(&state, now))
        }
        // Outside the lock: who is told may ask at once.
        for turn in turns { turn() }
        arm(alarm)
    }
}

/// Where one stream asks before it reads, and says what it has read. Any thread; one after the other.
package final class RateGate: Sendable {
    private let limiter: RateLimiter
    private let id: RateTree.ID
    private let output: String

    fileprivate init(limiter: RateLimiter, id: RateTree.ID, output: String) {
        self.limiter = limiter
        self.id = id
        self.output = output
    }

    deinit { limiter.leave(id) }

    /// Whether there is any rate to keep: without one nothing waits, and what is spent doesn't count.
    package var isLimiting: Bool { limiter.isLimiting.load(ordering: .relaxed) }

    /// Whether the stream may read a batch. False: it is told when.
    package func mayRead() -> Bool { limiter.mayRead(id) }

    /// A batch of so many bytes was read.
    package func spend(_ byteCount: Int) { limiter.spend(byteCount, id) }

    /// What the stream waits for at present; nil: nothing.
    package var obstacle: RateScope? { limiter.obstacle(of: id) }

    /// How much the stream should read at once, at most, in bytes: little where it is slow, so that it reads often.
    package var batchBytesMax: Int { limiter.batchBytesMax(output: output) }
}
