internal import CLinux
internal import Glibc
internal import HamsterCore

/// A file of the machine, open for reading.
final class LinuxReadableFile: ReadableFile {
    private let descriptor: Descriptor
    private let path: SourcePath

    init(_ path: SourcePath) throws(FileError) {
        descriptor = try openDescriptor(path, O_RDONLY | O_NONBLOCK)
        self.path = path
        try requireRegularFile(try HamsterFiles.status(of: descriptor, path), .open, path)
    }

    func status() throws(FileError) -> FileStatus { try HamsterFiles.status(of: descriptor, path) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        guard let position = Int64(exactly: offset) else { return 0 }
        return try systemCall(.read, path) {
            pread(descriptor.number, buffer.baseAddress, buffer.count, off_t(position))
        }
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int? {
        guard let position = Int64(exactly: offset) else { return 0 }
        do {
            return try systemCall(.read, path) {
                CLinux_preadCached(descriptor.number, buffer.baseAddress, buffer.count, position)
            }
        } catch let error where error.code == EAGAIN || error.code == EOPNOTSUPP || error.code == ENOSYS {
            return nil
        }
    }

    func hasWriter() throws(FileError) -> Bool? {
        // The kernel signals a lease's holder when a writer comes in the instant between taking it and giving it
        // back. SIGIO, the default, would end the process; SIGURG is ignored by default.
        _ = try systemCall(.status, path) { fcntl(descriptor.number, CLinux_F_SETSIG, SIGURG) }
        do {
            _ = try systemCall(.status, path) { fcntl(descriptor.number, CLinux_F_SETLEASE, Int32(F_RDLCK)) }
        } catch let error where error.code == EAGAIN {
            return true
        } catch let error
            where error.code == EACCES || error.code == EPERM || error.code == EINVAL || error.code == ENOLCK
        {
            return nil
        }
        _ = try systemCall(.status, path) { fcntl(descriptor.number, CLinux_F_SETLEASE, Int32(F_UNLCK)) }
        return false
    }
}
