package import HamsterCore

/// The files of a machine, as narrow as this project needs them, so that a simulated one can stand in for tests.
/// All calls block. Interrupted system calls are repeated.
package protocol FileSystem: Sendable {
    /// Opens a regular file for reading, without ever waiting for it (a FIFO, a device or a directory is refused).
    func open(_ path: SourcePath) throws(FileError) -> any ReadableFile
    /// Follows symbolic links. Nil: there is no such file.
    func status(of path: SourcePath) throws(FileError) -> FileStatus?
    /// The path without symbolic links that leads to the same file (realpath(3)). Nil: there is no such file.
    func resolved(_ path: SourcePath) throws(FileError) -> SourcePath?
    /// The names in a directory, in no particular order, without `.` and `..`.
    func entries(of directory: SourcePath) throws(FileError) -> [DirectoryEntry]
    /// Removes the name of a file. A name that does not exist is an error with ENOENT.
    func remove(_ path: SourcePath) throws(FileError)
    /// Gives a file another name, in place of what had that name. Durable after `synchronizeDirectory`.
    func rename(_ path: SourcePath, to other: SourcePath) throws(FileError)

    /// A whole small file. Nil: there is none. More than `bytesMax` bytes are an error with EFBIG.
    func contents(of path: String, bytesMax: Int) throws(FileError) -> [UInt8]?
    /// Replaces a file as a whole, durably: after a crash at any point there is the old content or the new.
    /// Writes `path` with `.new` added, fsync, rename, fsync of the directory.
    func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError)
    /// Takes the lock of a file, which is made when missing, until it is released. Doesn't wait: when another
    /// process (or another lock of this one) holds it, the error says `isLocked`.
    func lock(_ path: String) throws(FileError) -> any FileLock
    /// Makes a directory and what is missing above it. One that is there already is fine.
    func makeDirectory(_ path: String, mode: UInt32) throws(FileError)
    /// fsync of a directory: the names in it survive a power cut.
    func synchronizeDirectory(_ path: SourcePath) throws(FileError)
    /// Opens a file for appending: see `OutputLocation` for what is refused.
    func openOutput(_ location: OutputLocation, _ opening: OutputOpening) throws(FileError) -> any OutputFileHandle
    /// `synchronize` of many files, side by side where that is quicker; what went wrong with each, in the same order.
    func synchronize(_ files: [any OutputFileHandle]) -> [FileError?]
}

extension FileSystem {
    /// For file systems without symbolic links.
    package func resolved(_ path: SourcePath) throws(FileError) -> SourcePath? {
        try status(of: path) == nil ? nil : path
    }

    /// One after the other.
    package func synchronize(_ files: [any OutputFileHandle]) -> [FileError?] {
        files.map { $0.synchronizationFailure }
    }
}

extension OutputFileHandle {
    var synchronizationFailure: FileError? {
        do throws(FileError) {
            try synchronize()
            return nil
        } catch {
            return error
        }
    }
}

/// Where an output file is.
package enum OutputLocation: Sendable, Hashable {
    /// Below a base directory. No component may be empty, `.`, `..`, above 255 bytes or contain NUL or `/`, and no
    /// symbolic link may lead out of the base; one that stays inside is followed.
    case beneath(base: String, components: [[UInt8]])
    /// Anywhere. The same holds for the components, but symbolic links are followed wherever they lead.
    case absolute(SourcePath)

    /// The path for people and for error texts.
    package var path: SourcePath {
        switch self {
        case .beneath(let base, let components):
            SourcePath(bytes: Array(([Array(base.utf8)] + components).joined(separator: [UInt8(ascii: "/")])))
        case .absolute(let path): path
        }
    }
}

/// How an output file is opened, and made when it is missing.
package struct OutputOpening: Sendable, Hashable {
    /// Makes the file and the directories above it when missing. Otherwise a missing file is an error with ENOENT.
    package var isCreating: Bool = true
    /// Of a file that is made, whatever the umask says.
    package var mode: UInt32 = 0o640
    /// Of directories that are made, less the umask.
    package var directoryMode: UInt32 = 0o750
    /// Numeric owner of a file that is made. Nil: the process's user.
    package var owner: UInt32?
    /// Numeric group of a file that is made. Nil: the process's group.
    package var group: UInt32?

    package init(
        isCreating: Bool = true, mode: UInt32 = 0o640, directoryMode: UInt32 = 0o750, owner: UInt32? = nil,
        group: UInt32? = nil
    ) {
        self.isCreating = isCreating
        self.mode = mode
        self.directoryMode = directoryMode
        self.owner = owner
        self.group = group
    }
}

/// A file open for reading; closed when the last reference goes. Reads may run at the same time.
package protocol ReadableFile: AnyObject, Sendable {
    /// Of the open file, whatever its name leads to by now.
    func status() throws(FileError) -> FileStatus
    /// Reads at an offset; 0 at the end of the file. May return fewer bytes than there is room for.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int
    /// Like `read`, but never asks the disk: nil where the page cache doesn't hold the bytes, or can't be asked.
    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int?
    /// Whether any process holds the file open for writing. Nil where that can't be found out (not the file's owner).
    func hasWriter() throws(FileError) -> Bool?
}

extension ReadableFile {
    /// Up to `count` bytes from `offset`; fewer only where the file ends.
    package func bytes(at offset: UInt64, count: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let (from, at) = (filled, offset + UInt64(filled))
            let read = bytes.withUnsafeMutableBytes { buffer in
                Result { () throws(FileError) in
                    try self.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[from...]), at: at)
                }
            }
            let taken = try read.get()
            if taken == 0 { break }
            filled += taken
        }
        bytes.removeLast(count - filled)
        return bytes
    }
}

/// A file open for appending; closed when the last reference goes. One append at a time; `synchronize` may run beside it.
package protocol OutputFileHandle: AnyObject, Sendable {
    /// The directories whose fsync makes the file's name durable, outermost first: from the base down to the one that
    /// holds the file. For an absolute location only those that this opening changed, and the one that holds the file.
    var entryDirectories: [SourcePath] { get }
    /// Those of them in which this opening made a directory or the file.
    var changedDirectories: Set<SourcePath> { get }
    /// Appends all bytes or throws; after a partial write the file is cut back, and `FileError.remains` says how that went.
    func append(_ bytes: RawSpan) throws(FileError)
    /// fdatasync: what was appended before the call survives a power cut.
    func synchronize() throws(FileError)
    /// Cuts the file to a length in bytes.
    func truncate(to length: UInt64) throws(FileError)
    /// Of the open file, whatever its name leads to by now.
    func status() throws(FileError) -> FileStatus
    /// Bytes that this user may still write to the file system of the file.
    func freeSpace() throws(FileError) -> UInt64
}

/// An exclusive lock between processes; released by `release`, or with the last reference.
package protocol FileLock: AnyObject, Sendable {
    /// Lets others have it. A second call does nothing.
    func release()
}
