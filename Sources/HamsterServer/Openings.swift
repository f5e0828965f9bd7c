internal import DequeModule
internal import HamsterRateLimit

/// The connections whose stream is not open yet, by where they come from: a stranger who connects without end takes his own
/// place and not that of the hosts, which open a stream in no time.
struct Openings<ID: Hashable> {
    private struct Entry {
        var id: ID
        var number: Int
    }

    private struct Source {
        /// In the order in which they came; those that are over are still among them.
        var queue: Deque<Entry> = []
        var count = 0
    }

    private var sources: [AddressBlock?: Source] = [:]
    private var addresses: [ID: (address: AddressBlock?, number: Int)] = [:]
    private var lastNumber = 0

    var count: Int { addresses.count }

    mutating func add(_ id: ID, from address: AddressBlock?) {
        lastNumber += 1
        addresses[id] = (address, lastNumber)
        sources[address, default: Source()].queue.append(Entry(id: id, number: lastNumber))
        sources[address]?.count += 1
    }

    mutating func remove(_ id: ID) {
        guard let (address, _) = addresses.removeValue(forKey: id) else { return }
        sources[address]?.count -= 1
        // Most leave in the order in which they came.
        while let first = sources[address]?.queue.first, addresses[first.id]?.number != first.number {
            sources[address]?.queue.removeFirst()
        }
        if sources[address]?.count == 0 { sources[address] = nil }
    }

    /// Takes out the connection that has to make way for one from `address`: the oldest of the address that has most. Nil:
    /// none has to, since this address has its share already.
    mutating func displace(for address: AddressBlock?) -> ID? {
        let own = sources[address]?.count ?? 0
        // At once, since this is asked for each connection of a flood.
        guard own * sources.count < addresses.count,
            let (largest, source) = sources.max(by: { $0.value.count < $1.value.count }), source.count > own + 1
        else { return nil }
        while let entry = sources[largest]?.queue.popFirst() {
            guard addresses[entry.id]?.number == entry.number else { continue }
            remove(entry.id)
            return entry.id
        }
        return nil
    }
}
