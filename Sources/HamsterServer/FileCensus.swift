internal import HamsterCore
internal import HamsterStore

/// Bounds how many files a host may make known: each costs the server memory and records of its journal for as long as
/// `forget_after`, and an output besides.
final class FileCensus: Sendable {
    private let store: Store

    init(_ store: Store) { self.store = store }

    /// Whether a stream brings a file that isn't known; a plain stream, whose `key` is nil, an output that isn't.
    func isNew(_ key: FileKey?, at output: OutputTarget.Location) -> Bool {
        key.map { !store.knows($0) } ?? !store.knows(output)
    }

    /// How many files a host has brought.
    func count(of host: String) -> Int { store.fileCount(of: host) }
}
