internal import Synchronization

/// Bounds how many streams are open at once. Files wait in the order in which they came; an idle stream gives up its
/// place as soon as somebody waits, a busy one after its turn.
final class ConnectionSlots: Sendable {
    /// One place, given back by ``release()``; a second call does nothing.
    final class Slot: Sendable {
        private let slots: ConnectionSlots
        fileprivate let number: Int

        fileprivate init(_ slots: ConnectionSlots, number: Int) {
            self.slots = slots
            self.number = number
        }

        /// What to call, on any thread, when the place is wanted while the stream is idle.
        func onWanted(_ giveUp: @escaping @Sendable () -> Void) { slots.setGiveUp(giveUp, number) }

        /// Says whether the stream has anything to do at present.
        func setIdle(_ isIdle: Bool) { slots.setIdle(isIdle, number) }

        /// Whether somebody waits for a place.
        var isContended: Bool { slots.isContended }

        func release() { slots.release(number) }
    }

    private struct Holder {
        var isIdle = false
        var giveUp: (@Sendable () -> Void)?
    }

    private struct Waiter {
        var number: Int
        var continuation: CheckedContinuation<Slot?, Never>
    }

    private struct State {
        var holders: [Int: Holder] = [:]
        var waiters: [Waiter] = []
        var nextNumber = 0
        var slotsMax: Int
        /// Waiters that were cancelled before they began to wait.
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    init(slotsMax: Int) { state = Mutex(State(slotsMax: slotsMax)) }

    /// Those that hold a place beyond a new limit keep it until they have nothing to do.
    func limit(to slotsMax: Int) {
        state.withLock { $0.slotsMax = slotsMax }
        grant()
    }

    fileprivate var isContended: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Waits for a place; nil when the task is cancelled meanwhile.
    func acquire() async -> Slot? {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(Waiter(number: number, continuation: continuation))
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func enqueue(_ waiter: Waiter) {
        let (wasCancelled, giveUp) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            if state.cancelled.remove(waiter.number) != nil { return (true, nil) }
            state.waiters.append(waiter)
            return (false, state.holders.count >= state.slotsMax ? Self.takeIdle(&state) : nil)
        }
        guard !wasCancelled else {
            waiter.continuation.resume(returning: nil)
            return
        }
        giveUp?()
        grant()
    }

    private func grant() {
        while let waiter = nextGranted() {
            waiter.continuation.resume(returning: Slot(self, number: waiter.number))
        }
    }

    private func nextGranted() -> Waiter? {
        state.withLock { state in
            guard state.holders.count < state.slotsMax, !state.waiters.isEmpty else { return nil }
            let waiter = state.waiters.removeFirst()
            state.holders[waiter.number] = Holder()
            return waiter
        }
    }

    private func cancel(_ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.number == number }) else {
                if state.holders[number] == nil { state.cancelled.insert(number) }
                return nil
            }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: nil)
    }

    private func setGiveUp(_ giveUp: @escaping @Sendable () -> Void, _ number: Int) {
        state.withLock { $0.holders[number]?.giveUp = giveUp }
    }

    private func setIdle(_ isIdle: Bool, _ number: Int) {
        let giveUp = state.withLock { state -> (@Sendable () -> Void)? in
            state.holders[number]?.isIdle = isIdle
            return state.waiters.isEmpty ? nil : Self.takeIdle(&state)
        }
        giveUp?()
    }

    private func release(_ number: Int) {
        state.withLock { _ = $0.holders.removeValue(forKey: number) }
        grant()
    }

    /// The wish to one idle holder; it is not asked again until it has been busy and idle once more.
    private static func takeIdle(_ state: inout State) -> (@Sendable () -> Void)? {
        guard let (number, holder) = state.holders.first(where: { $0.value.isIdle && $0.value.giveUp != nil }) else {
            return nil
        }
        state.holders[number]?.isIdle = false
        return holder.giveUp
    }
}
