package import HamsterCore
package import HamsterFiles
package import HamsterTLS

/// Where a host keeps what it has got by enrolling. Key and certificate are in one file, which is replaced as a whole: whatever
/// happens, they belong together.
package struct HostFolder: Sendable {
    package let path: String
    private let fileSystem: LinuxFileSystem
    /// Of the identity; nil: the process's user.
    private let owner: FileOwner?

    /// Makes nothing yet. The identity will belong to `owner`, who renews it.
    package init(_ path: String, owner: FileOwner?, fileSystem: LinuxFileSystem) {
        self.path = path
        self.owner = owner
        self.fileSystem = fileSystem
    }

    package var root: String { "\(path)/ca.pem" }
    package var identity: String { "\(path)/identity/client.pem" }
    package var configuration: String { "\(path)/client.toml" }
    private static let pendingSuffix = ".key.pending"
    private static let bytesMax = 1 << 20

    /// Throws ``FileError``.
    package func make() throws(FileError) {
        try fileSystem.makeDirectory(path, mode: 0o755)
        try fileSystem.makePrivateDirectory("\(path)/identity", owner: owner)
    }

    package func has(_ file: String) throws(FileError) -> Bool { try fileSystem.status(of: SourcePath(file)) != nil }

    /// The key that a certificate is asked for with this token: the same again after an interruption, since the token is its by
    /// then. Throws ``FileError`` and `TLSError`.
    package func keyToAskFor(tokenID: String) throws -> PrivateKey {
        // Not where the client's user could put another key in its place.
        let pendingKey = "\(path)/\(tokenID)\(Self.pendingSuffix)"
        if try has(pendingKey) { return try PrivateKey(path: pendingKey) }
        let key = try PrivateKey.make()
        try fileSystem.replace(pendingKey, with: try key.text(), mode: 0o600)
        return key
    }

    /// Puts a key and its certificate into force, at once and as a whole; for the identity's owner to do, whose folder it is.
    /// Throws ``FileError`` and `TLSError`.
    package func install(_ key: PrivateKey, chain: [UInt8]) throws {
        try fileSystem.replace(identity, with: try key.text() + chain, mode: 0o600)
    }

    /// Keys that were asked for and are not needed any more, and what was written of such when a kill came. Throws ``FileError``.
    package func removePendingKeys() throws(FileError) {
        let folder = SourcePath(path)
        let pending = try fileSystem.entries(of: folder).filter { entry in
            let name = String(decoding: entry.name, as: UTF8.self)
            return name.hasSuffix(Self.pendingSuffix) || name.hasSuffix("\(Self.pendingSuffix).new")
        }
        guard !pending.isEmpty else { return }
        for entry in pending { try fileSystem.remove(folder.appending(entry.name)) }
        try fileSystem.synchronizeDirectory(folder)
    }

    /// Puts the configuration aside, in the place of what was put there before. Throws ``FileError``.
    package func keepConfiguration() throws(FileError) {
        try fileSystem.rename(SourcePath(configuration), to: SourcePath("\(configuration).old"))
    }

    /// For everybody to read. Throws ``FileError``.
    package func write(_ bytes: [UInt8], to file: String) throws(FileError) {
        try fileSystem.replace(file, with: bytes, mode: 0o644)
    }
}
