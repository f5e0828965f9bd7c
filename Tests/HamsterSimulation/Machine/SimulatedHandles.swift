import Glibc
import HamsterCore
import HamsterFiles
import HamsterTesting

/// A file open for reading: it follows the inode, whatever becomes of the name.
final class SimulatedReadableFile: ReadableFile, @unchecked Sendable {  // because one thread uses it
    private let fileSystem: SimulatedFileSystem
    private let inode: SimulatedInode
    private let path: SourcePath

    init(_ fileSystem: SimulatedFileSystem, _ inode: SimulatedInode, _ path: SourcePath) {
        self.fileSystem = fileSystem
        self.inode = inode
        self.path = path
        inode.readers += 1
    }

    deinit { inode.readers -= 1 }

    func status() throws(FileError) -> FileStatus {
        try fileSystem.requireAlive(.status, path)
        return fileSystem.disk.status(of: inode)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        try fileSystem.requireAlive(.read, path)
        guard offset < UInt64(inode.bytes.count), buffer.count > 0 else { return 0 }
        let rest = inode.bytes[Int(offset)...]
        var count = min(rest.count, buffer.count)
        if fileSystem.faults.readsAreShort { count = fileSystem.disk.random.int(1...count) }
        buffer.copyBytes(from: rest.prefix(count))
        return count
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int? {
        if fileSystem.faults.readsAreShort { return nil }
        return try read(into: buffer, at: offset)
    }

    func hasWriter() throws(FileError) -> Bool? {
        try fileSystem.requireAlive(.status, path)
        return fileSystem.disk.showsWriters ? inode.writers > 0 : nil
    }
}

/// A file open for appending.
final class SimulatedOutputFile: OutputFileHandle, @unchecked Sendable {  // because one thread uses it
    let entryDirectories: [SourcePath]
    let changedDirectories: Set<SourcePath>
    private let fileSystem: SimulatedFileSystem
    private let inode: SimulatedInode
    private let path: SourcePath

    init(
        _ fileSystem: SimulatedFileSystem, _ inode: SimulatedInode, _ path: SourcePath,
        entryDirectories: [SourcePath] = [], _ changedDirectories: Set<SourcePath> = []
    ) {
        self.fileSystem = fileSystem
        self.inode = inode
        self.path = path
        self.entryDirectories = entryDirectories
        self.changedDirectories = changedDirectories
    }

    private var now: FileTime { fileSystem.disk.wall.stamp }

    func append(_ bytes: RawSpan) throws(FileError) {
        let bytes = bytes.withUnsafeBytes { Array($0) }
        let part = {
            let count = self.fileSystem.disk.random.int(0...bytes.count)
            self.inode.append(bytes.prefix(count), now: self.now)
        }
        try fileSystem.step(.append, path, part: part) { () throws(FileError) in
            let room = fileSystem.faults.room(for: bytes.count)
            inode.append(bytes.prefix(room), now: now)
            guard room < bytes.count else { return }
            throw full(after: room)
        }
    }

    /// The disk is full: what was written of the append is cut off again, as far as the disk lets us.
    private func full(after written: Int) -> FileError {
        var error = FileError(.append, path, code: ENOSPC)
        if written > 0 {
            let isTorn = fileSystem.faults.tearsWrites
            if !isTorn { inode.truncate(to: inode.bytes.count - written, now: now) }
            error.remains = isTorn ? .torn(bytes: written) : .cutBack(bytes: written)
        }
        return error
    }

    func synchronize() throws(FileError) {
        let due = inode.unsyncedCount
        try fileSystem.requireAlive(.synchronize, path)
        fileSystem.whileSynchronizing()
        try fileSystem.step(.synchronize, path) { () throws(FileError) in
            guard fileSystem.faults.syncFailsNow() else {
                inode.synchronize(first: due)
                return
            }
            inode.failToSynchronize(&fileSystem.disk.random)
            throw FileError(.synchronize, path, code: EIO)
        }
    }

    func truncate(to length: UInt64) throws(FileError) {
        try fileSystem.step(.truncate, path) { () throws(FileError) in
            if fileSystem.faults.tearsWrites, fileSystem.faults.isFull {
                throw FileError(.truncate, path, code: EIO)
            }
            inode.truncate(to: Int(length), now: now)
        }
    }

    func status() throws(FileError) -> FileStatus {
        try fileSystem.requireAlive(.status, path)
        return fileSystem.disk.status(of: inode)
    }

    func freeSpace() throws(FileError) -> UInt64 {
        try fileSystem.requireAlive(.status, path)
        return UInt64(fileSystem.faults.bytesUntilFull ?? .max)
    }
}

/// Held until it is released; a killed process holds none.
final class SimulatedLock: FileLock, @unchecked Sendable {  // because one thread uses it
    private let disk: SimulatedDisk
    private let inode: SimulatedInode
    private let process: ObjectIdentifier
    private var isReleased = false

    init(_ disk: SimulatedDisk, _ inode: SimulatedInode, of process: ObjectIdentifier) {
        self.disk = disk
        self.inode = inode
        self.process = process
    }

    deinit { release() }

    func release() {
        guard !isReleased else { return }
        isReleased = true
        // After a kill another process may hold it.
        if disk.locks[ObjectIdentifier(inode)] == process { disk.locks[ObjectIdentifier(inode)] = nil }
    }
}
