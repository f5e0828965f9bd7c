internal import Glibc
internal import HamsterCore

extension LinuxFileSystem {
    package func contents(of path: String, bytesMax: Int) throws(FileError) -> [UInt8]? {
        let name = SourcePath(path)
        let file: LinuxReadableFile
        do {
            file = try LinuxReadableFile(name)
        } catch let error where error.code == ENOENT {
            return nil
        }
        // One byte more than the size shows a file that grew meanwhile.
        let size = try file.status().size
        guard size <= UInt64(bytesMax) else {
            throw FileError(.read, name, code: EFBIG, refusal: .larger(thanBytes: bytesMax))
        }
        let bytes = try file.bytes(at: 0, count: Int(size) + 1)
        guard bytes.count <= bytesMax else {
            throw FileError(.read, name, code: EFBIG, refusal: .larger(thanBytes: bytesMax))
        }
        return bytes
    }

    package func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
        let target = SourcePath(path)
        let temporary = SourcePath(path + ".new")
        do {
            try write(bytes, to: temporary, mode: mode)
            try rename(temporary, to: target)
        } catch {
            // The content that counts is untouched; what can't be removed is overwritten by the next replacement.
            try? remove(temporary)
            throw error
        }
        try synchronizeDirectory(target.parent ?? SourcePath("."))
    }

    private func write(_ bytes: [UInt8], to path: SourcePath, mode: UInt32) throws(FileError) {
        // O_NOFOLLOW: a link planted under the temporary name must not lead the write elsewhere.
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = try openDescriptor(path, flags, mode: mode, operation: .replace)
        _ = try systemCall(.replace, path) { fchmod(descriptor.number, mode) }
        let file = try LinuxOutputFile(descriptor, path: path)
        try file.append(bytes.span.bytes)
        try file.synchronize()
    }
}
