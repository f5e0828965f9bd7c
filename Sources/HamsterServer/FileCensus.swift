internal import HamsterCore
internal import HamsterStore
internal import Synchronization

/// Bounds how many files a host may make known: each costs the server memory and records of its journal for as long as
/// `forget_after`, and an output besides.
final class FileCensus: Sendable {
    private let store: Store
    /// Outputs that a host's streams have made since the start, whether a byte followed or not. The journal knows outputs
    /// without their host.
    private let outputsMade = Mutex<[String: Int]>([:])

    init(_ store: Store) { self.store = store }

    /// Whether a stream brings a file that isn't known; a plain stream, whose `key` is nil, an output that isn't.
    func isNew(_ key: FileKey?, at output: OutputTarget.Location) -> Bool {
        key.map { !store.knows($0) } ?? isNew(output)
    }

    func isNew(_ output: OutputTarget.Location) -> Bool { !store.knows(output) }

    /// How many files a host has brought.
    func count(of host: String) -> Int {
        max(store.fileCount(of: host), outputsMade.withLock { $0[host.lowercased(), default: 0] })
    }

    func noteOutputMade(by host: String) {
        outputsMade.withLock { $0[host.lowercased(), default: 0] += 1 }
    }
}
