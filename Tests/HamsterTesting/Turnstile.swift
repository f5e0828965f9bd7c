import Synchronization

/// Lets a few tests at a time start their programs: with all of them at once, time limits measure the machine's load.
final class Turnstile: Sendable {
    /// A test's turn; it ends with the last reference.
    final class Turn: Sendable {
        private let turnstile: Turnstile

        fileprivate init(_ turnstile: Turnstile) { self.turnstile = turnstile }

        deinit { turnstile.leave() }
    }

    private struct State {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    static let deployments = Turnstile(turnsMax: 6)

    private let state: Mutex<State>

    init(turnsMax: Int) { state = Mutex(State(free: turnsMax)) }

    func enter() async -> Turn {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiters.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        return Turn(self)
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.resume()
    }
}
