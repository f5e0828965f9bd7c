import HamsterCore

/// What was written to one file between its creation or truncation and the next: a piece of a path's history that is
/// delivered as a whole, or up to where the bytes were taken away.
final class Generation {
    private(set) var bytes: [UInt8] = []
    /// The files that hold the content from its beginning, and how much of it; nil: all that comes.
    private var holders: [(inode: SimulatedInode, byteCount: Int?)] = []
    /// The client has an acknowledgement of some of the bytes: it can tell a copy by its content.
    private(set) var isSent = false
    /// Where no file has to be found any more: nobody can know what it belonged to.
    private var isForgotten = false

    init(in inode: SimulatedInode) { holders = [(inode, nil)] }

    func append(_ more: [UInt8]) { bytes += more }

    /// A copy was made of what there is.
    func copied(to inode: SimulatedInode) { holders.append((inode, bytes.count)) }

    /// The file holds other content now, or nothing.
    func leave(_ inode: SimulatedInode) { holders.removeAll { $0.inode === inode } }

    /// Only the file that its path leads to has to be found.
    func forget() { isForgotten = true }

    /// Files without a name that the client does not hold open are gone.
    func dropGone(isClientAlive: Bool) {
        holders.removeAll { $0.inode.links == 0 && !(isClientAlive && $0.inode.readers > 0) }
    }

    /// A position that the client keeps of the file: whether it is one of this content tells the last bytes before it.
    func note(_ position: SourcePosition) { isSent = isSent || holds(position) }

    func holds(_ position: SourcePosition) -> Bool {
        let offset = Int(position.offset)
        guard offset > 0, offset <= bytes.count else { return false }
        let tail = position.tail.bytes
        return tail.elementsEqual(bytes[(offset - tail.count)..<offset])
    }

    func forgetSent() { isSent = false }

    /// How many of the bytes must arrive. Of content that was copied and truncated before any of it was acknowledged
    /// nothing tells the client that it was there.
    var due: Int {
        guard !isForgotten else { return 0 }
        return holders.map { $0.byteCount ?? bytes.count }.max() ?? 0
    }
}

/// All that was written under one path, in order.
struct History {
    private(set) var generations: [Generation] = []

    mutating func begin(in inode: SimulatedInode) -> Generation {
        let generation = Generation(in: inode)
        generations.append(generation)
        return generation
    }

    var byteCount: Int { generations.reduce(0) { $0 + $1.bytes.count } }

    /// How many bytes agree. A loop, since this is where a simulation in a debug build spends its time.
    private static func common(_ output: [UInt8], from start: Int, _ bytes: [UInt8]) -> Int {
        let end = min(output.count - start, bytes.count)
        var count = 0
        while count < end, output[start + count] == bytes[count] { count += 1 }
        return count
    }

    /// How much of each generation an output has that ``ends(in:)`` explains: no other one has its first byte.
    func delivered(in output: [UInt8]) -> [Int] {
        var start = 0
        return generations.map { generation in
            let common = Self.common(output, from: start, generation.bytes)
            start += common
            return common
        }
    }

    /// Where in the output the generations may end: each of them is there in whole, or up to where it was taken away.
    func ends(in output: [UInt8]) -> Set<Int> {
        var ends: Set<Int> = [0]
        for generation in generations {
            var next: Set<Int> = []
            for start in ends {
                let common = Self.common(output, from: start, generation.bytes)
                if common >= generation.due { next.formUnion((generation.due...common).map { start + $0 }) }
            }
            ends = next
        }
        return ends
    }
}
