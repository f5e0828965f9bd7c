internal import CLinux
internal import Glibc
internal import HamsterCore

/// A file of the machine, open for appending.
final class LinuxOutputFile: OutputFileHandle {
    let entryDirectories: [SourcePath]
    let changedDirectories: Set<SourcePath>
    private let descriptor: Descriptor
    private let path: SourcePath

    init(
        _ descriptor: consuming Descriptor, path: SourcePath, entryDirectories: [SourcePath] = [],
        changedDirectories: Set<SourcePath> = []
    ) throws(FileError) {
        try requireRegularFile(try HamsterFiles.status(of: descriptor, path), .open, path)
        self.descriptor = descriptor
        self.path = path
        self.entryDirectories = entryDirectories
        self.changedDirectories = changedDirectories
    }

    func append(_ bytes: RawSpan) throws(FileError) {
        var written = 0
        do {
            try bytes.withUnsafeBytes { buffer throws(FileError) in
                while written < buffer.count {
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                    written += try systemCall(.append, path) { write(descriptor.number, rest.baseAddress, rest.count) }
                }
            }
        } catch {
            throw cutBack(after: error, written: written)
        }
    }

    func synchronize() throws(FileError) {
        // A failed fdatasync is never tried again here: the kernel has marked the lost pages clean by then, and a
        // second call would report success.
        _ = try systemCall(.synchronize, path) { fdatasync(descriptor.number) }
    }

    func truncate(to length: UInt64) throws(FileError) {
        guard let length = Int64(exactly: length) else { throw FileError(.truncate, path, code: EFBIG) }
        _ = try systemCall(.truncate, path) { ftruncate(descriptor.number, off_t(length)) }
    }

    func status() throws(FileError) -> FileStatus { try HamsterFiles.status(of: descriptor, path) }

    func freeSpace() throws(FileError) -> UInt64 {
        var space = statvfs()
        _ = try systemCall(.status, path) { fstatvfs(descriptor.number, &space) }
        return UInt64(space.f_bavail) * UInt64(space.f_frsize)
    }

    /// The append's own error is what the caller must see; what came of the cut stands in `remains`.
    private func cutBack(after error: FileError, written: Int) -> FileError {
        var error = error
        if written > 0 {
            error.remains = isCut(by: written) ? .cutBack(bytes: written) : .torn(bytes: written)
        }
        return error
    }

    private func isCut(by count: Int) -> Bool {
        guard let size = try? status().size, size >= UInt64(count) else { return false }
        return (try? truncate(to: size - UInt64(count))) != nil
    }
}
