import Synchronization

@testable import HamsterRateLimit

/// Streams that always have something to read, in a time of their own.
final class RateWorld {
    private final class Reader {
        let id: RateTree.ID
        let batch: Int
        var total = 0

        init(id: RateTree.ID, batch: Int) {
            self.id = id
            self.batch = batch
        }
    }

    let tree: RateTree
    private(set) var now: Duration = .zero
    private var readers: [String: Reader] = [:]
    private let turns = Turns()

    private final class Turns: Sendable {
        let names = Mutex<[String]>([])
    }

    init(_ limits: RateLimits) { tree = RateTree(limits, now: .zero) }

    func open(_ name: String, host: String = "web1", output: String = "app", batch: Int = 64 * 1_024) {
        let turns = turns
        let id = tree.join(host: host, output: output, now: now) { turns.names.withLock { $0.append(name) } }
        readers[name] = Reader(id: id, batch: batch)
        read(name)
    }

    /// A stream that has read one batch and waits for its turn, with which it does nothing by itself.
    func waitingStream(host: String, batch: Int = 4 * 1_024, onTurn: @escaping @Sendable () -> Void) -> RateTree.ID {
        let id = tree.join(host: host, output: "app", now: now, onTurn: onTurn)
        tree.spend(batch, id, now: now)
        _ = tree.mayRead(id, now: now)
        return id
    }

    func close(_ name: String) {
        guard let reader = readers.removeValue(forKey: name) else { return }
        tree.leave(reader.id)
    }

    /// Reads only after a call of ``open(_:host:output:batch:)`` or a turn.
    private func read(_ name: String) {
        guard let reader = readers[name] else { return }
        while tree.mayRead(reader.id, now: now) {
            tree.spend(reader.batch, reader.id, now: now)
            reader.total += reader.batch
        }
    }

    func run(for duration: Duration) {
        let end = now + duration
        while let due = tree.due, due <= end {
            now = max(now, due)
            for turn in tree.advance(now: now) { turn() }
            let names = turns.names.withLock { names in
                defer { names = [] }
                return names
            }
            for name in names { read(name) }
        }
        now = end
    }

    func bytes(_ name: String) -> Int { readers[name]?.total ?? 0 }

    func bytes(where isIncluded: (String) -> Bool) -> Int {
        readers.filter { isIncluded($0.key) }.values.reduce(0) { $0 + $1.total }
    }

    /// Waits as long without reading.
    func pause(for duration: Duration) { now += duration }
}
