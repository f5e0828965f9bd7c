internal import Synchronization

/// Counts the bytes that an offset passes on its way. One thread at a time; any may read the counter.
package final class OffsetCounter: Sendable {
    /// No offset: nothing counts yet.
    private static let none = UInt64.max

    private let counter: Counter
    private let last = Atomic(OffsetCounter.none)

    package init(_ counter: Counter) { self.counter = counter }

    /// What lies behind this offset counts from now on.
    package func begin(at offset: UInt64) { last.store(offset, ordering: .relaxed) }

    /// The offset is here now. Where it has gone back, what comes again counts again.
    package func advance(to offset: UInt64) {
        let before = last.load(ordering: .relaxed)
        guard before != Self.none else { return }
        last.store(offset, ordering: .relaxed)
        if offset > before { counter.add(offset - before) }
    }
}
