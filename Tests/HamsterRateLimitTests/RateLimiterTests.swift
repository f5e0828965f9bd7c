import Synchronization
import Testing

@testable import HamsterRateLimit

@Suite struct `The limiter's alarms` {
    /// A clock that counts the alarms that are set.
    private final class Clock: Sendable {
        private let state = Mutex<(now: Duration, alarms: [(due: Duration, wake: @Sendable () -> Void)])>((.zero, []))

        var scheduling: RateLimiter.Scheduling {
            RateLimiter.Scheduling(now: { [self] in state.withLock { $0.now } }) { [self] delay, wake in
                state.withLock { $0.alarms.append(($0.now + delay, wake)) }
            }
        }

        var pending: Int { state.withLock { $0.alarms.count } }

        /// Lets the next alarm go off.
        func step() {
            let wake = state.withLock { state -> (@Sendable () -> Void)? in
                guard let index = state.alarms.indices.min(by: { state.alarms[$0].due < state.alarms[$1].due }) else {
                    return nil
                }
                let alarm = state.alarms.remove(at: index)
                state.now = max(state.now, alarm.due)
                return alarm.wake
            }
            wake?()
        }
    }

    @Test func `don't multiply where several limits wait for different times`() {
        var limits = RateLimits()
        limits.perOutput = ["slow": 100_000, "quick": 1_000_000]
        let clock = Clock()
        let limiter = RateLimiter(limits, clock.scheduling)
        let turns = Mutex<[String]>([])
        let gates = ["slow", "quick"].map { output in
            (output, limiter.gate(host: "h", output: output) { turns.withLock { $0.append(output) } })
        }
        for (_, gate) in gates {
            #expect(gate.mayRead())
            gate.spend(100_000)
            #expect(!gate.mayRead())
        }
        var quickTurns = 0
        for _ in 0..<500 {
            clock.step()
            for output in turns.withLock({ names in
                defer { names = [] }; return names
            }) {
                quickTurns += output == "quick" ? 1 : 0
                for (name, gate) in gates where name == output {
                    gate.spend(5_000)
                    _ = gate.mayRead()
                }
            }
            #expect(clock.pending <= 16)
        }
        #expect(quickTurns > 100)
    }
}
