import HamsterStore
import Synchronization

/// What the store's callbacks said of one stream, until its connection gets to it.
final class CommitMailbox: Sendable {
    private struct State {
        var committed: UInt64?
        var failure: StoreError?
    }

    private let state = Mutex(State())

    func committed(_ offset: UInt64) { state.withLock { $0.committed = max($0.committed ?? 0, offset) } }
    func failed(_ error: StoreError) { state.withLock { $0.failure = error } }

    var hasNews: Bool { state.withLock { $0.committed != nil || $0.failure != nil } }

    func take() -> (committed: UInt64?, failure: StoreError?) {
        state.withLock { state in
            defer { state = State() }
            return (state.committed, state.failure)
        }
    }
}
