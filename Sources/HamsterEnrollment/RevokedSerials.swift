internal import HamsterCore
package import HamsterFiles

/// The certificates that were revoked here, an empty file each: they are not renewed, whatever list of revoked certificates the
/// server knows of, and when it reads that.
package struct RevokedSerials: Sendable {
    private let path: String
    private let fileSystem: LinuxFileSystem
    private let owner: FileOwner?

    /// Makes what is missing in the server's folder of state. Throws ``FileError``.
    package init(stateDirectory: String, fileSystem: LinuxFileSystem) throws(FileError) {
        owner = try fileSystem.ownerToKeep(of: stateDirectory)
        for directory in ["\(stateDirectory)/enroll", "\(stateDirectory)/enroll/revoked"] {
            try fileSystem.makePrivateDirectory(directory, owner: owner)
        }
        path = "\(stateDirectory)/enroll/revoked/"
        self.fileSystem = fileSystem
    }

    /// Returns when it is on disk. `serial` is one, in hexadecimal: it becomes a name. With the tokens' lock held. Throws
    /// ``FileError``.
    package func add(_ serial: String) throws(FileError) {
        guard try !contains(serial) else { return }
        try fileSystem.replace(path + serial, with: [], mode: 0o600, owner: owner)
    }

    /// Throws ``FileError`` where that can't be told.
    package func contains(_ serial: String) throws(FileError) -> Bool {
        try fileSystem.status(of: SourcePath(path + serial)) != nil
    }
}
