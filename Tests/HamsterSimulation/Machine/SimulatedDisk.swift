import Glibc
package import HamsterCore
import HamsterFiles
import HamsterTesting

/// The disk of one machine: inodes and names, with what a power cut would leave of them. Processes see it through a
/// ``SimulatedFileSystem`` each. There are no links of either kind but the one name that a file has.
package final class SimulatedDisk: @unchecked Sendable {  // because one thread uses it
    private struct Weak {
        weak var inode: SimulatedInode?
    }

    package let wall: WallClock
    /// False: as on file systems that keep no birth time.
    private let keepsBirthTimes: Bool
    /// False: whether a file has a writer can't be found out, as for a file of another user.
    package var showsWriters = true
    private static let device: UInt64 = 7 << 32 | 3
    private(set) var root: SimulatedInode
    private var inodes: [UInt64: Weak] = [:]
    /// What gzip files hold, by the number of the inode.
    var uncompressedFiles: [UInt64: (compressed: [UInt8], content: [UInt8])] = [:]
    var random: SeededGenerator
    /// Inodes that some process has locked, and which.
    var locks: [ObjectIdentifier: ObjectIdentifier] = [:]

    package init(wall: WallClock, keepsBirthTimes: Bool = true, seed: UInt64) {
        self.wall = wall
        self.keepsBirthTimes = keepsBirthTimes
        random = SeededGenerator(seed: seed)
        root = SimulatedInode(number: 2, kind: .directory, mode: 0o755, born: wall.stamp, now: wall.stamp)
        root.links = 1
    }

    /// Everything that was not synced is lost in part, for all processes at once; they must be dead by now.
    package func cutPower() {
        locks = [:]
        var reached: Set<UInt64> = []
        cutPower(root, &reached)
    }

    private func cutPower(_ inode: SimulatedInode, _ reached: inout Set<UInt64>) {
        guard reached.insert(inode.number).inserted else { return }
        inode.cutPower(&random)
        for (_, child) in inode.entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            cutPower(child, &reached)
            // Names that survived in two places, or nowhere, are what fsck would count.
            child.links = 1
        }
    }

    /// The kernel writes back what is dirty, as it does after some seconds.
    package func writeBack() { writeBack(root) }

    /// What is in and below a directory is on disk.
    func writeBack(below directory: SourcePath) {
        // The names of the directories above it as well.
        root.synchronize()
        var inode = root
        for component in directory.components {
            guard let next = inode.entries[Array(component)] else { return }
            inode = next
            inode.synchronize()
        }
        writeBack(inode)
    }

    private func writeBack(_ inode: SimulatedInode) {
        inode.synchronize()
        for child in inode.entries.values { writeBack(child) }
    }

    /// The content behind a name as processes see it; nil where there is none. For oracles.
    package func contents(_ path: SourcePath) -> [UInt8]? {
        guard let inode = try? find(path, .open), inode.kind == .regular else { return nil }
        return inode.bytes
    }
}

extension SimulatedDisk {
    func make(_ kind: FileKind, mode: UInt32) -> SimulatedInode {
        var number: UInt64 = 11
        // The lowest free number, as real file systems like to give it again soon.
        while inodes[number]?.inode != nil { number += 1 }
        let now = wall.stamp
        let inode = SimulatedInode(
            number: number, kind: kind, mode: mode, born: keepsBirthTimes ? now : nil, now: now)
        inodes[number] = Weak(inode: inode)
        return inode
    }

    func status(of inode: SimulatedInode) -> FileStatus {
        FileStatus(
            kind: inode.kind, device: Self.device, inode: inode.number, size: UInt64(inode.bytes.count),
            links: UInt64(inode.links), mode: inode.mode, born: inode.born, modified: inode.modified,
            changed: inode.changed)
    }

    /// Nil: the last component is missing. Throws where another is missing or no directory.
    func find(_ path: SourcePath, _ operation: FileOperation) throws(FileError) -> SimulatedInode? {
        guard let name = path.bytes.split(separator: UInt8(ascii: "/")).last else { return root }
        return try directory(of: path, operation).entries[Array(name)]
    }

    /// The directory that holds the last component.
    func directory(of path: SourcePath, _ operation: FileOperation) throws(FileError) -> SimulatedInode {
        guard path.bytes.first == UInt8(ascii: "/"), !path.bytes.contains(0) else {
            throw FileError(operation, path, code: EINVAL, refusal: .illegalPath)
        }
        var inode = root
        for component in path.bytes.split(separator: UInt8(ascii: "/")).dropLast() {
            guard inode.kind == .directory else { throw FileError(operation, path, code: ENOTDIR) }
            guard let next = inode.entries[Array(component)] else { throw FileError(operation, path, code: ENOENT) }
            inode = next
        }
        guard inode.kind == .directory else { throw FileError(operation, path, code: ENOTDIR) }
        return inode
    }

    /// Throws ENOENT where there is none.
    func existing(_ path: SourcePath, _ operation: FileOperation) throws(FileError) -> SimulatedInode {
        guard let inode = try find(path, operation) else { throw FileError(operation, path, code: ENOENT) }
        return inode
    }

    func add(_ inode: SimulatedInode, at path: SourcePath, in directory: SimulatedInode) {
        inode.links += 1
        directory.change([(path.lastName, inode)], now: wall.stamp)
    }

    func remove(_ path: SourcePath) throws(FileError) {
        let inode = try existing(path, .remove)
        guard inode.kind != .directory else { throw FileError(.remove, path, code: EISDIR) }
        inode.links -= 1
        inode.changed = wall.stamp
        try directory(of: path, .remove).change([(path.lastName, nil)], now: wall.stamp)
    }

    func rename(_ path: SourcePath, to other: SourcePath) throws(FileError) {
        let (from, to) = (try directory(of: path, .rename), try directory(of: other, .rename))
        let inode = try existing(path, .rename)
        // A directory above the file can't be replaced by it.
        if path.bytes.starts(with: other.bytes + [UInt8(ascii: "/")]) {
            throw FileError(.rename, path, code: ENOTEMPTY)
        }
        let replaced = to.entries[other.lastName]
        guard replaced !== inode else { return }
        if let replaced {
            guard replaced.kind == inode.kind else {
                throw FileError(.rename, path, code: replaced.kind == .directory ? EISDIR : ENOTDIR)
            }
            replaced.links -= 1
            replaced.changed = wall.stamp
        }
        if from === to {
            to.change([(path.lastName, nil), (other.lastName, inode)], now: wall.stamp)
        } else {
            to.change([(other.lastName, inode)], now: wall.stamp)
            from.change([(path.lastName, nil)], now: wall.stamp)
        }
        inode.changed = wall.stamp
    }
}

extension SourcePath {
    var lastName: [UInt8] { bytes.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? [] }

    /// The directory above; `/` for a name in the root.
    var above: SourcePath {
        let parents = bytes.split(separator: UInt8(ascii: "/")).dropLast()
        return SourcePath(bytes: [UInt8(ascii: "/")] + parents.joined(separator: [UInt8(ascii: "/")]))
    }
}
