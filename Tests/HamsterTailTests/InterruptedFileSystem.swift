import Glibc
import HamsterCore
import HamsterFiles
import Synchronization

/// The real file system, on which somebody else does something just before a call, and on which a process may open nothing
/// more for a while.
final class InterruptedFileSystem: FileSystem {
    enum Call: Hashable { case open, status }

    private let real = LinuxFileSystem()
    private struct Interruption {
        var call: Call
        var path: SourcePath
        /// How many such calls are let through before.
        var passed: Int
        var body: @Sendable () -> Void
    }

    private let interruption = Mutex<Interruption?>(nil)

    private let isScarce = Mutex(false)

    /// While it is, nothing more can be opened; what is open stays open.
    func set(isScarce: Bool) { self.isScarce.withLock { $0 = isScarce } }

    private func requireDescriptor(_ path: SourcePath) throws(FileError) {
        if isScarce.withLock({ $0 }) { throw FileError(.open, path, code: EMFILE) }
    }

    /// `body` is called once, before the next such call, or a later one.
    func interrupt(_ call: Call, _ path: String, after passed: Int = 0, _ body: @escaping @Sendable () -> Void) {
        interruption.withLock { $0 = Interruption(call: call, path: SourcePath(path), passed: passed, body: body) }
    }

    var isInterruptionDue: Bool { interruption.withLock { $0 != nil } }

    private func begin(_ call: Call, _ path: SourcePath) {
        let body = interruption.withLock { interruption -> (@Sendable () -> Void)? in
            guard let due = interruption, due.call == call, due.path == path else { return nil }
            interruption?.passed -= 1
            guard due.passed == 0 else { return nil }
            interruption = nil
            return due.body
        }
        body?()
    }

    func open(_ path: SourcePath) throws(FileError) -> any ReadableFile {
        begin(.open, path)
        try requireDescriptor(path)
        return try real.open(path)
    }

    func status(of path: SourcePath) throws(FileError) -> FileStatus? {
        begin(.status, path)
        return try real.status(of: path)
    }

    func resolved(_ path: SourcePath) throws(FileError) -> SourcePath? { try real.resolved(path) }

    func entries(of directory: SourcePath) throws(FileError) -> [DirectoryEntry] {
        try requireDescriptor(directory)
        return try real.entries(of: directory)
    }

    func remove(_ path: SourcePath) throws(FileError) { try real.remove(path) }
    func rename(_ path: SourcePath, to other: SourcePath) throws(FileError) { try real.rename(path, to: other) }

    func contents(of path: String, bytesMax: Int) throws(FileError) -> [UInt8]? {
        try real.contents(of: path, bytesMax: bytesMax)
    }

    func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
        try real.replace(path, with: bytes, mode: mode)
    }

    func lock(_ path: String) throws(FileError) -> any FileLock { try real.lock(path) }
    func makeDirectory(_ path: String, mode: UInt32) throws(FileError) { try real.makeDirectory(path, mode: mode) }
    func synchronizeDirectory(_ path: SourcePath) throws(FileError) { try real.synchronizeDirectory(path) }

    func openOutput(_ location: OutputLocation, _ opening: OutputOpening) throws(FileError) -> any OutputFileHandle {
        try real.openOutput(location, opening)
    }
}
