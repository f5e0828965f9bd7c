internal import NIOCore
internal import Synchronization

/// Carries durable offsets from the committer's thread to the stream's event loop. Only the newest counts, so however
/// late the loop is, at most one is on its way.
final class CommitRelay: Sendable {
    private struct State {
        var newest: UInt64?
        var isScheduled = false
        var receiver: (loop: any EventLoop, receive: @Sendable (UInt64) -> Void)?
    }

    private let state = Mutex(State())

    /// From any thread.
    func committed(_ offset: UInt64) {
        state.withLock { state in
            state.newest = max(state.newest ?? 0, offset)
            schedule(&state)
        }
    }

    /// `receive` runs on `loop`, also for an offset that was committed before.
    func attach(to loop: any EventLoop, receive: @escaping @Sendable (UInt64) -> Void) {
        state.withLock { state in
            state.receiver = (loop, receive)
            schedule(&state)
        }
    }

    /// After this nothing is received any more; the relay lets go of its receiver.
    func detach() { state.withLock { $0.receiver = nil } }

    private func schedule(_ state: inout State) {
        guard let receiver = state.receiver, state.newest != nil, !state.isScheduled else { return }
        state.isScheduled = true
        receiver.loop.execute { self.deliver() }
    }

    private func deliver() {
        let (offset, receive) = state.withLock { state in
            defer {
                state.newest = nil
                state.isScheduled = false
            }
            return (state.newest, state.receiver?.receive)
        }
        if let offset { receive?(offset) }
    }
}
