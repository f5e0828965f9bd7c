package import HamsterCore

extension Store {
    /// Whether a host may open a stream, where `filesMax` of its files may be known: each costs memory, and records of the
    /// journal for as long as `forgetAfter`. A file that is known costs nothing more; of a plain stream, whose `key` is nil,
    /// it is the output that tells. May wait for a compaction that has the index.
    package func admits(
        _ key: FileKey?, of host: String, at location: OutputTarget.Location, filesMax: Int
    ) -> Bool {
        let location = location.canonical(below: configuration.directory)
        return journal.read { index in
            let isKnown = key.map { index.position(of: $0) != nil } ?? (index.outputs[location] != nil)
            return isKnown || index.fileCount(of: host) < filesMax
        }
    }
}
