internal import CLinux
internal import Glibc
package import HamsterCore
internal import Synchronization

/// The files of this machine. One value serves the whole process: it keeps the base directories of outputs open.
package final class LinuxFileSystem: FileSystem {
    let bases = Mutex<[String: BaseDirectory]>([:])

    package init() {}

    package func open(_ path: SourcePath) throws(FileError) -> any ReadableFile { try LinuxReadableFile(path) }

    package func status(of path: SourcePath) throws(FileError) -> FileStatus? {
        var raw = CLinux_status()
        let result = try withPath(path, .status) { name in
            Result { () throws(FileError) in
                try systemCall(.status, path) { CLinux_statx(AT_FDCWD, name, &raw) }
            }
        }
        do {
            _ = try result.get()
            return FileStatus(raw)
        } catch let error where error.isMissing {
            return nil
        }
    }

    package func resolved(_ path: SourcePath) throws(FileError) -> SourcePath? {
        let found = try withPath(path, .status) { name -> Result<[UInt8], FileError> in
            guard let resolved = realpath(name, nil) else {
                return .failure(FileError(.status, path, code: errno))
            }
            defer { free(resolved) }
            return .success(Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved))))
        }
        do {
            return SourcePath(bytes: try found.get())
        } catch let error where error.isMissing {
            return nil
        }
    }

    package func entries(of directory: SourcePath) throws(FileError) -> [DirectoryEntry] {
        guard let stream = try withPath(directory, .list, { opendir($0) }) else {
            throw FileError(.list, directory, code: errno)
        }
        defer { closedir(stream) }
        var entries: [DirectoryEntry] = []
        while true {
            // readdir tells its end from an error by errno alone.
            errno = 0
            guard let entry = readdir(stream) else { break }
            if let entry = DirectoryEntry(entry) { entries.append(entry) }
        }
        if errno != 0 { throw FileError(.list, directory, code: errno) }
        return entries
    }

    package func remove(_ path: SourcePath) throws(FileError) {
        let result = try withPath(path, .remove) { name in
            Result { () throws(FileError) in try systemCall(.remove, path) { unlink(name) } }
        }
        _ = try result.get()
    }

    package func rename(_ path: SourcePath, to other: SourcePath) throws(FileError) {
        let result = try withPath(other, .rename) { newName in
            Result { () throws(FileError) in
                try withPath(path, .rename) { name in Glibc.rename(name, newName) == 0 ? 0 : errno }
            }
        }
        let code = try result.get()
        if code != 0 { throw FileError(.rename, path, code: code) }
    }

    package func lock(_ path: String) throws(FileError) -> any FileLock { try LinuxFileLock(SourcePath(path)) }

    /// As `lock`, for what is held for moments only: waits in this thread while another one has it. After `patience`, the error says
    /// `isLocked`: a process that was stopped may keep it for ever.
    package func lock(_ path: String, patience: Duration) throws(FileError) -> any FileLock {
        let end = ContinuousClock.now + patience
        while true {
            do {
                return try lock(path)
            } catch {
                guard error.isLocked, ContinuousClock.now < end else { throw error }
                usleep(Self.lockInterval)
            }
        }
    }

    /// In microseconds.
    private static let lockInterval: UInt32 = 5_000

    package func makeDirectory(_ path: String, mode: UInt32) throws(FileError) {
        var missing: [SourcePath] = []
        var candidate = SourcePath(path)
        while try status(of: candidate) == nil {
            missing.append(candidate)
            guard let parent = candidate.parent else { break }
            candidate = parent
        }
        for directory in missing.reversed() { try make(directory, mode: mode) }
        // The last of them may be a file that was there before.
        guard try status(of: SourcePath(path))?.kind == .directory else {
            throw FileError(.makeDirectory, SourcePath(path), code: ENOTDIR)
        }
    }

    package func synchronizeDirectory(_ path: SourcePath) throws(FileError) {
        let descriptor = try openDescriptor(path, O_RDONLY | O_DIRECTORY, operation: .synchronize)
        _ = try systemCall(.synchronize, path) { fsync(descriptor.number) }
    }

    private func make(_ directory: SourcePath, mode: UInt32) throws(FileError) {
        let result = try withPath(directory, .makeDirectory) { mkdir($0, mode) == 0 ? 0 : errno }
        if result != 0, result != EEXIST { throw FileError(.makeDirectory, directory, code: result) }
        if result == 0, let parent = directory.parent { try synchronizeDirectory(parent) }
    }
}

extension SourcePath {
    /// The directory that holds the last component; nil where there is none above, `.` for a relative name.
    var parent: SourcePath? {
        let trimmed = bytes.reversed().drop { $0 == UInt8(ascii: "/") }
        guard !trimmed.isEmpty else { return nil }
        let parent = trimmed.drop { $0 != UInt8(ascii: "/") }
        if parent.isEmpty { return SourcePath(".") == self ? nil : SourcePath(".") }
        let bytes = Array(parent.drop { $0 == UInt8(ascii: "/") }.reversed())
        return bytes.isEmpty ? SourcePath("/") : SourcePath(bytes: bytes)
    }
}

extension DirectoryEntry {
    /// Nil for `.` and `..`.
    init?(_ entry: UnsafeMutablePointer<dirent>) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
            tuple.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
                Array(UnsafeBufferPointer(start: start, count: 256).prefix { $0 != 0 })
            }
        }
        if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { return nil }
        // d_type holds the type bits of st_mode, shifted; 0 says unknown.
        self.init(
            name: name, kind: FileKind(mode: UInt32(entry.pointee.d_type) << 12), inode: UInt64(entry.pointee.d_ino))
    }
}

/// A flock(2) on a file of its own.
final class LinuxFileLock: FileLock {
    private let descriptor: Mutex<Descriptor?>

    init(_ path: SourcePath) throws(FileError) {
        let descriptor = try openDescriptor(path, O_RDWR | O_CREAT | O_NONBLOCK, mode: 0o600, operation: .lock)
        _ = try systemCall(.lock, path) { flock(descriptor.number, LOCK_EX | LOCK_NB) }
        self.descriptor = Mutex(consume descriptor)
    }

    deinit { release() }

    /// Unlocks before it closes: a process that was forked just now shares the open file until its exec, and with it a
    /// lock that is only closed.
    func release() {
        descriptor.withLock { descriptor in
            if let number = descriptor?.number { flock(number, LOCK_UN) }
            descriptor = nil
        }
    }
}
