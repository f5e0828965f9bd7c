internal import HeapModule

/// Those who wait for one limit, in an order that gives each flow (a host, say) the same number of bytes, however many of
/// its streams wait: start-time fair queueing (P. Goyal, H. Vin, H. Cheng, 1997).
struct FairQueue {
    private struct Entry: Comparable {
        /// When its turn would begin if the flow had the limit's share to itself, in bytes.
        var start: Int
        var number: Int
        var waiter: RateTree.Stream
        var flow: ObjectIdentifier
        var cost: Int

        static func < (a: Entry, b: Entry) -> Bool { (a.start, a.number) < (b.start, b.number) }
        static func == (a: Entry, b: Entry) -> Bool { a.number == b.number }
    }

    private var entries = Heap<Entry>()
    /// The start of the turn that came last.
    private var virtualTime = 0
    /// Where each flow's next turn begins. Those that are not after ``virtualTime`` mean nothing.
    private var finish: [ObjectIdentifier: Int] = [:]
    private var number = 0
    /// Entries whose stream is gone.
    private var abandoned = 0

    var isEmpty: Bool { entries.count == abandoned }

    /// `cost` is how many bytes the turn will bring, as far as that is known.
    mutating func push(_ waiter: RateTree.Stream, flow: ObjectIdentifier, cost: Int) {
        let start = max(virtualTime, finish[flow] ?? 0)
        finish[flow] = start + cost
        number += 1
        entries.insert(Entry(start: start, number: number, waiter: waiter, flow: flow, cost: cost))
        prune()
    }

    /// The next in turn.
    mutating func pop() -> RateTree.Stream? {
        while let entry = entries.popMin() {
            guard !entry.waiter.isGone else {
                abandoned -= 1
                continue
            }
            virtualTime = entry.start
            return entry.waiter
        }
        return nil
    }

    /// A turn brought so many bytes more than its cost said, or fewer: the flow's next turn begins later, or earlier.
    mutating func correct(flow: ObjectIdentifier, by byteCount: Int) { finish[flow, default: virtualTime] += byteCount }

    /// A stream that waits here is gone.
    mutating func abandon() { abandoned += 1 }

    private mutating func prune() {
        guard finish.count > 2 * entries.count + 64 else { return }
        finish = finish.filter { $0.value > virtualTime }
    }
}
