internal import HeapModule

/// Those who wait for one limit, in an order that gives each flow (a host, say) the same number of bytes, however many of
/// its streams wait: start-time fair queueing (P. Goyal, H. Vin, H. Cheng, 1997).
struct FairQueue {
    /// What a turn is charged until it is known how many bytes it brings, or that it brings none: then
    /// ``settle(_:byteCount:)`` is due, once.
    struct Turn {
        fileprivate let flow: ObjectIdentifier
        fileprivate let cost: Int
    }

    private struct Entry: Comparable {
        /// When its turn would begin if the flow had the limit's share to itself, in bytes.
        var start: Int
        var number: Int
        var waiter: RateTree.Stream

        static func < (a: Entry, b: Entry) -> Bool { (a.start, a.number) < (b.start, b.number) }
        static func == (a: Entry, b: Entry) -> Bool { a.number == b.number }
    }

    private struct Flow {
        /// Where the next turn begins, unless ``virtualTime`` is there already.
        var finish = 0
        /// Turns that are not settled, whether they have come or not.
        var turnCount = 0
    }

    private var entries = Heap<Entry>()
    /// The start of the turn that came last.
    private var virtualTime = 0
    private var flows: [ObjectIdentifier: Flow] = [:]
    private var flowsMax = 64
    private var number = 0
    /// Entries whose stream is gone.
    private var abandoned = 0

    var isEmpty: Bool { entries.count == abandoned }

    /// `cost` is how many bytes the turn will bring, as far as that is known.
    mutating func push(_ waiter: RateTree.Stream, flow: ObjectIdentifier, cost: Int) -> Turn {
        if flows[flow] == nil, flows.count >= flowsMax { forgetIdle() }
        let start = max(virtualTime, flows[flow]?.finish ?? 0)
        flows[flow, default: Flow()].finish = start + cost
        flows[flow, default: Flow()].turnCount += 1
        number += 1
        entries.insert(Entry(start: start, number: number, waiter: waiter))
        return Turn(flow: flow, cost: cost)
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

    /// A turn brought more bytes than its cost said, or fewer: the flow's next turn begins later, or earlier.
    mutating func settle(_ turn: Turn, byteCount: Int) {
        flows[turn.flow]?.finish += byteCount - turn.cost
        flows[turn.flow]?.turnCount -= 1
    }

    /// A stream that waits here is gone.
    mutating func abandon() { abandoned += 1 }

    /// What is left out would make no difference any more.
    private mutating func forgetIdle() {
        flows = flows.filter { $0.value.turnCount > 0 || $0.value.finish > virtualTime }
        flowsMax = max(64, 2 * flows.count)
    }
}
