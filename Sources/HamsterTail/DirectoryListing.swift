internal import HamsterCore
internal import HamsterFiles

/// The names in one directory at one moment, found by inode and by what they were rotated from.
struct DirectoryListing: Sendable {
    let directory: SourcePath
    private let byInode: [UInt64: [[UInt8]]]
    private let rotated: [[UInt8]: [(name: [UInt8], inode: UInt64)]]

    /// A directory that is not there has no names.
    init(of directory: SourcePath, _ fileSystem: any FileSystem) throws(FileError) {
        self.directory = directory
        var byInode: [UInt64: [[UInt8]]] = [:]
        var rotated: [[UInt8]: [(name: [UInt8], inode: UInt64)]] = [:]
        for entry in try Self.entries(of: directory, fileSystem) {
            guard entry.kind == .regular || entry.kind == .unknown else { continue }
            byInode[entry.inode, default: []].append(entry.name)
            if let base = RotatedName.base(of: entry.name) {
                rotated[base, default: []].append((entry.name, entry.inode))
            }
        }
        self.byInode = byInode
        self.rotated = rotated
    }

    private static func entries(
        of directory: SourcePath, _ fileSystem: any FileSystem
    ) throws(FileError) -> [DirectoryEntry] {
        do {
            return try fileSystem.entries(of: directory)
        } catch let error where error.isMissing {
            return []
        }
    }

    var isEmpty: Bool { byInode.isEmpty }

    /// Where an inode was found, under any name.
    func paths(ofInode inode: UInt64) -> [SourcePath] { (byInode[inode] ?? []).sorted(by: isBefore).map(path) }

    /// The files that look as if they had been rotated away from `path`, which is in this directory, with the inodes that
    /// they had when it was listed.
    func rotatedPaths(of path: SourcePath) -> [(path: SourcePath, inode: UInt64)] {
        (rotated[path.name] ?? []).sorted { isBefore($0.name, $1.name) }.map { (self.path($0.name), $0.inode) }
    }

    private func path(_ name: [UInt8]) -> SourcePath { directory.appending(name) }

    private func isBefore(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }
}
