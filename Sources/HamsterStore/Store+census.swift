package import HamsterCore

extension Store {
    /// How many files a host has brought, as far as the journal still knows them; upper and lower case of its name are the same.
    package func fileCount(of host: String) -> Int { journal.read { $0.fileCount(of: host) } }

    /// Whether the journal knows the file, so that its stream costs nothing more.
    package func knows(_ key: FileKey) -> Bool { journal.read { $0.position(of: key) != nil } }

    /// Whether the journal knows the output.
    package func knows(_ location: OutputTarget.Location) -> Bool {
        let location = location.canonical(below: configuration.directory)
        return journal.read { $0.outputs[location] != nil }
    }
}
