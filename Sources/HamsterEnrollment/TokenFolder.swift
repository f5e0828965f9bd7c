internal import HamsterCore
package import HamsterFiles

/// The tokens that were given out, a file each: made by the operator's command, used by the server.
package struct TokenFolder: Sendable {
    /// For the tokens that don't exist: they are looked for at the same cost as others.
    private static let decoy = "decoy"
    private static let recordBytesMax = 16 * 1_024
    /// How long a token that has ended is still listed, in seconds.
    private static let keptFor: Int64 = 7 * 86_400

    /// The files' names begin with this.
    private let path: String
    private let fileSystem: LinuxFileSystem
    private let owner: FileOwner?

    /// Makes what is missing in the server's folder of state. Throws ``FileError``.
    package init(stateDirectory: String, fileSystem: LinuxFileSystem) throws(FileError) {
        // The command may be root's, and the files are the server's.
        let owner = try fileSystem.ownerToKeep(of: stateDirectory)
        let folder = "\(stateDirectory)/enroll"
        for directory in [folder, "\(folder)/tokens"] {
            try fileSystem.makePrivateDirectory(directory, owner: owner)
        }
        path = "\(folder)/tokens/"
        self.owner = owner
        self.fileSystem = fileSystem
        if try fileSystem.contents(of: path + Self.decoy, bytesMax: Self.recordBytesMax) == nil {
            let token = EnrollmentToken(host: Self.decoy, rootDigest: [])
            try write(TokenRecord(host: token.host, verifier: token.verifier, created: 0, end: 0), Self.decoy)
        }
    }

    /// Keeps others out, of this process and of others, until the answer is released: for who decides what becomes of a token or
    /// of a host's certificates. Throws ``FileError`` when it isn't to be had within `patience`.
    package func lock(patience: Duration) throws(FileError) -> any FileLock {
        try fileSystem.lock(path + "lock", patience: patience)
    }

    package func add(_ record: TokenRecord, id: String) throws(FileError) { try write(record, id) }

    /// Of a token that doesn't exist, that of one which nobody has.
    func record(of id: String) throws(FileError) -> TokenRecord? {
        // The id is a stranger's, and becomes a name.
        let isID = id.utf8.count == 16 && id.allSatisfy(\.isHexDigit)
        let bytes = isID ? try fileSystem.contents(of: path + id, bytesMax: Self.recordBytesMax) : nil
        let found = try bytes == nil ? fileSystem.contents(of: path + Self.decoy, bytesMax: Self.recordBytesMax) : bytes
        return found.flatMap { TokenRecord($0) }
    }

    /// All of them, the youngest last.
    package func all() throws(FileError) -> [(id: String, record: TokenRecord)] {
        var found: [(id: String, record: TokenRecord)] = []
        for entry in try fileSystem.entries(of: SourcePath(path)) {
            let id = String(decoding: entry.name, as: UTF8.self)
            guard id.utf8.count == 16, id.allSatisfy(\.isHexDigit),
                let bytes = try fileSystem.contents(of: path + id, bytesMax: Self.recordBytesMax),
                let record = TokenRecord(bytes)
            else { continue }
            found.append((id, record))
        }
        return found.sorted { ($0.record.created, $0.id) < ($1.record.created, $1.id) }
    }

    /// False: there is none of this id.
    package func remove(_ id: String) throws(FileError) -> Bool {
        guard try all().contains(where: { $0.id == id }) else { return false }
        do {
            try fileSystem.remove(SourcePath(path + id))
        } catch  where error.isMissing {
            return false
        }
        try fileSystem.synchronizeDirectory(SourcePath(path))
        return true
    }

    /// Forgets those that have ended long ago.
    package func tidy(at now: Int64) throws(FileError) {
        for (id, record) in try all() where record.end < now - Self.keptFor { _ = try remove(id) }
    }

    private func write(_ record: TokenRecord, _ id: String) throws(FileError) {
        try fileSystem.replace(path + id, with: record.encoded, mode: 0o600, owner: owner)
    }
}
