import Glibc
package import HamsterCore
package import HamsterFiles
import HamsterTesting

/// A machine's disk as one process sees it. The process can be killed at any step that changes something: that step is
/// done, done in part or not done, and every later one fails without any effect.
package final class SimulatedFileSystem: FileSystem, @unchecked Sendable {  // because one thread uses it
    package let disk: SimulatedDisk
    var faults = DiskFaults()
    /// Runs while a file is synchronized, when other threads of the process would go on.
    var whileSynchronizing: () -> Void = {}
    package private(set) var isAlive = true

    package init(_ disk: SimulatedDisk) { self.disk = disk }

    /// `kill -9`: locks and descriptors go, what was written stays.
    package func kill() {
        isAlive = false
        disk.locks = disk.locks.filter { $0.value != ObjectIdentifier(self) }
    }

    /// A step that changes the disk. `part` is what a kill in its middle leaves of it.
    func step(
        _ operation: FileOperation, _ path: SourcePath, part: () -> Void = {},
        whole: () throws(FileError) -> Void
    ) throws(FileError) {
        try requireAlive(operation, path)
        guard faults.killsNow() else {
            try whole()
            return
        }
        switch disk.random.int(0...2) {
        case 0: break
        case 1: part()
        default: try? whole()
        }
        kill()
        throw FileError(operation, path, code: EIO)
    }

    func requireAlive(_ operation: FileOperation, _ path: SourcePath) throws(FileError) {
        guard isAlive else { throw FileError(operation, path, code: EIO) }
    }

    package func open(_ path: SourcePath) throws(FileError) -> any ReadableFile {
        try requireAlive(.open, path)
        let inode = try disk.existing(path, .open)
        try requireFile(inode, path)
        return SimulatedReadableFile(self, inode, path)
    }

    package func status(of path: SourcePath) throws(FileError) -> FileStatus? {
        try requireAlive(.status, path)
        do {
            return try disk.find(path, .status).map { disk.status(of: $0) }
        } catch let error where error.isMissing {
            return nil
        }
    }

    package func entries(of directory: SourcePath) throws(FileError) -> [DirectoryEntry] {
        try requireAlive(.list, directory)
        let inode = try disk.existing(directory, .list)
        guard inode.kind == .directory else { throw FileError(.list, directory, code: ENOTDIR) }
        var entries = inode.entries.map { DirectoryEntry(name: $0.key, kind: $0.value.kind, inode: $0.value.number) }
        entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
        entries.shuffle(using: &disk.random)
        return entries
    }

    package func remove(_ path: SourcePath) throws(FileError) {
        try step(.remove, path) { () throws(FileError) in try disk.remove(path) }
    }

    package func rename(_ path: SourcePath, to other: SourcePath) throws(FileError) {
        try step(.rename, path) { () throws(FileError) in try disk.rename(path, to: other) }
    }

    package func contents(of path: String, bytesMax: Int) throws(FileError) -> [UInt8]? {
        let name = SourcePath(path)
        try requireAlive(.open, name)
        let inode: SimulatedInode
        do {
            inode = try disk.existing(name, .open)
        } catch let error where error.code == ENOENT {
            return nil
        }
        try requireFile(inode, name)
        guard inode.bytes.count <= bytesMax else {
            throw FileError(.read, name, code: EFBIG, refusal: .larger(thanBytes: bytesMax))
        }
        return inode.bytes
    }

    /// The same steps as on Linux, so that a kill or a power cut can come between them.
    package func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
        let (target, temporary) = (SourcePath(path), SourcePath(path + ".new"))
        do {
            let inode = try openInode(temporary, mode: mode, isCreating: true)
            try step(.replace, temporary) { () throws(FileError) in inode.truncate(to: 0, now: disk.wall.stamp) }
            let file = SimulatedOutputFile(self, inode, temporary)
            try file.append(bytes.span.bytes)
            try file.synchronize()
            try rename(temporary, to: target)
        } catch {
            try? remove(temporary)
            throw error
        }
        try synchronizeDirectory(target.above)
    }

    package func lock(_ path: String) throws(FileError) -> any FileLock {
        let inode = try openInode(SourcePath(path), mode: 0o600, isCreating: true)
        guard disk.locks[ObjectIdentifier(inode)] == nil else {
            throw FileError(.lock, SourcePath(path), code: EWOULDBLOCK)
        }
        disk.locks[ObjectIdentifier(inode)] = ObjectIdentifier(self)
        return SimulatedLock(disk, inode, of: ObjectIdentifier(self))
    }

    package func makeDirectory(_ path: String, mode: UInt32) throws(FileError) {
        var made = SourcePath("/")
        for name in SourcePath(path).components where !name.isEmpty {
            let next = made.below(Array(name))
            if try makeDirectory(next, mode) { try synchronizeDirectory(made) }
            made = next
        }
    }

    package func synchronizeDirectory(_ path: SourcePath) throws(FileError) {
        try step(.synchronize, path) { () throws(FileError) in
            let inode = try disk.existing(path, .synchronize)
            guard inode.kind == .directory else { throw FileError(.synchronize, path, code: ENOTDIR) }
            if faults.syncFailsNow() { throw FileError(.synchronize, path, code: EIO) }
            inode.synchronize()
        }
    }
}

extension SimulatedFileSystem {
    package func openOutput(
        _ location: OutputLocation, _ opening: OutputOpening
    ) throws(FileError) -> any OutputFileHandle {
        let path = location.path
        let components = path.components
        guard components.allSatisfy({ !$0.isEmpty && $0.count <= 255 && !$0.elementsEqual("..".utf8) }) else {
            throw FileError(.open, path, code: EINVAL, refusal: .illegalPath)
        }
        try requireAlive(.open, path)
        let existed = try exists(path)
        guard existed || opening.isCreating else { throw FileError(.open, path, code: ENOENT) }
        var changed: Set<SourcePath> = []
        if !existed {
            for depth in 0..<components.count - 1 {
                let directory = SourcePath("/").below(components[...depth])
                if try makeDirectory(directory, opening.directoryMode) { changed.insert(directory.above) }
            }
            changed.insert(path.above)
        }
        let inode = try openInode(path, mode: opening.mode, isCreating: opening.isCreating)
        return SimulatedOutputFile(self, inode, path, entryDirectories: chain(location, changed), changed)
    }

    private func chain(_ location: OutputLocation, _ changed: Set<SourcePath>) -> [SourcePath] {
        switch location {
        case .beneath(let base, let components):
            let base = SourcePath(base)
            return (0..<components.count).map { base.below(components.prefix($0).map { $0[...] }[...]) }
        case .absolute(let path):
            let parents = path.components.dropLast()
            let all = (0...parents.count).map { SourcePath("/").below(parents.prefix($0)) }
            return all.dropLast().filter(changed.contains) + all.suffix(1)
        }
    }

    /// True: it was not there before.
    private func makeDirectory(_ path: SourcePath, _ mode: UInt32) throws(FileError) -> Bool {
        if let inode = try disk.find(path, .makeDirectory) {
            guard inode.kind == .directory else { throw FileError(.makeDirectory, path, code: ENOTDIR) }
            return false
        }
        let parent = try disk.directory(of: path, .makeDirectory)
        try step(.makeDirectory, path) { () throws(FileError) in
            if faults.isFull { throw FileError(.makeDirectory, path, code: ENOSPC) }
            disk.add(disk.make(.directory, mode: mode), at: path, in: parent)
        }
        return true
    }

    private func openInode(_ path: SourcePath, mode: UInt32, isCreating: Bool) throws(FileError) -> SimulatedInode {
        try requireAlive(.open, path)
        if let inode = try disk.find(path, .open) {
            // To write to a directory is what the kernel refuses, to read from one is what we do.
            guard inode.kind == .regular else { throw FileError(.open, path, code: EISDIR) }
            return inode
        }
        guard isCreating else { throw FileError(.open, path, code: ENOENT) }
        let parent = try disk.directory(of: path, .open)
        try step(.open, path) { () throws(FileError) in
            if faults.isFull { throw FileError(.open, path, code: ENOSPC) }
            disk.add(disk.make(.regular, mode: mode), at: path, in: parent)
        }
        return try disk.existing(path, .open)
    }

    /// Like `status`, but a component that is a file is an error.
    private func exists(_ path: SourcePath) throws(FileError) -> Bool {
        do {
            return try disk.find(path, .open) != nil
        } catch let error where error.code == ENOENT {
            return false
        }
    }

    private func requireFile(_ inode: SimulatedInode, _ path: SourcePath) throws(FileError) {
        guard inode.kind != .regular else { return }
        throw FileError(.open, path, code: EISDIR, refusal: .notRegular(inode.kind))
    }
}

extension SourcePath {
    func below(_ name: [UInt8]) -> SourcePath { below([name[...]]) }

    func below(_ names: ArraySlice<ArraySlice<UInt8>>) -> SourcePath {
        names.isEmpty
            ? self
            : SourcePath(
                bytes: (bytes == [UInt8(ascii: "/")] ? [] : bytes)
                    + names.flatMap { [UInt8(ascii: "/")] + $0 })
    }
}
