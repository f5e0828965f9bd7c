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
    private var pendingKey: String { "\(path)/identity/client.key.pending" }
    private static let bytesMax = 1 << 20

    /// Throws ``FileError``.
    package func make() throws(FileError) {
        try fileSystem.makeDirectory(path, mode: 0o755)
        try fileSystem.makePrivateDirectory("\(path)/identity", owner: owner)
    }

    package func has(_ file: String) throws(FileError) -> Bool { try fileSystem.status(of: SourcePath(file)) != nil }

    /// The key that a certificate is asked for: the same again after an interruption, since the token is its by then. Throws
    /// ``FileError`` and `TLSError`.
    package func keyToAskFor() throws -> PrivateKey {
        if try has(pendingKey) { return try PrivateKey(path: pendingKey) }
        let key = try PrivateKey.make()
        try fileSystem.replace(pendingKey, with: try key.text(), mode: 0o600, owner: owner)
        return key
    }

    /// Puts a key and its certificate into force, at once and as a whole. Throws ``FileError`` and `TLSError`.
    package func install(_ key: PrivateKey, chain: [UInt8]) throws {
        try fileSystem.replace(identity, with: try key.text() + chain, mode: 0o600, owner: owner)
        if try has(pendingKey) { try fileSystem.remove(SourcePath(pendingKey)) }
    }

    /// For everybody to read. Throws ``FileError``.
    package func write(_ bytes: [UInt8], to file: String) throws(FileError) {
        try fileSystem.replace(file, with: bytes, mode: 0o644)
    }
}
