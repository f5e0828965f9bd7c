internal import Glibc
package import HamsterCore

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
        try replace(path, with: bytes, mode: mode, owner: nil)
    }

    /// As the other one, for a file that belongs to `owner`; nil: to the process's user.
    package func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32, owner: FileOwner?
    ) throws(FileError) {
        let target = SourcePath(path)
        let temporary = SourcePath(path + ".new")
        do {
            try write(bytes, to: temporary, mode: mode, owner)
            try rename(temporary, to: target)
        } catch {
            // The content that counts is untouched; what can't be removed is overwritten by the next replacement.
            try? remove(temporary)
            throw error
        }
        try synchronizeDirectory(target.parent ?? SourcePath("."))
    }

    private func write(
        _ bytes: [UInt8], to path: SourcePath, mode: UInt32, _ owner: FileOwner?
    ) throws(FileError) {
        // O_NOFOLLOW: a link planted under the temporary name must not lead the write elsewhere.
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = try openDescriptor(path, flags, mode: mode, operation: .replace)
        if let owner {
            _ = try systemCall(.replace, path) { fchown(descriptor.number, owner.user, owner.group) }
        }
        _ = try systemCall(.replace, path) { fchmod(descriptor.number, mode) }
        let file = try LinuxOutputFile(descriptor, path: path)
        try file.append(bytes.span.bytes)
        try file.synchronize()
    }
}

extension LinuxFileSystem {
    /// Whom files beside this one are to be given to: who it belongs to, where root looks; nil for others, who can't give anything
    /// away, and whom a sandbox may forbid to try. Throws where there is no such file or directory.
    package func ownerToKeep(of path: String) throws(FileError) -> FileOwner? {
        let owner = try owner(of: SourcePath(path))
        return geteuid() == 0 ? owner : nil
    }

    private func owner(of name: SourcePath) throws(FileError) -> FileOwner {
        var status = stat()
        let result = try withPath(name, .status) { stat($0, &status) == 0 ? 0 : errno }
        guard result == 0 else { throw FileError(.status, name, code: result) }
        return FileOwner(user: status.st_uid, group: status.st_gid)
    }

    /// Those that a file has for its owner, its group and others, for one that takes its place: those of the group only where
    /// that one will be of the same group. Throws ``FileError``.
    package func permissionsToKeep(of path: String) throws(FileError) -> UInt32 {
        var status = stat()
        let name = SourcePath(path)
        let result = try withPath(name, .status) { stat($0, &status) == 0 ? 0 : errno }
        guard result == 0 else { throw FileError(.status, name, code: result) }
        // Root gives it to the group of before: see `ownerToKeep`.
        let isOfSameGroup = geteuid() == 0 || getegid() == status.st_gid
        return status.st_mode & (isOfSameGroup ? 0o777 : 0o707)
    }

    /// Why this process can't replace files in a directory; nil: it can, as far as access(2) tells.
    package func obstacle(toWritingIn directory: SourcePath) -> String? {
        do throws(FileError) {
            let result = try withPath(directory, .status) { access($0, W_OK | X_OK) == 0 ? 0 : errno }
            return result == 0 ? nil : reasonOfErrno(result)
        } catch {
            return error.reason
        }
    }

    /// Makes a directory that is missing, for `owner` alone; one that is there is given to him, since whoever made it may have
    /// been interrupted.
    package func makePrivateDirectory(_ path: String, owner: FileOwner?) throws(FileError) {
        let name = SourcePath(path)
        if try status(of: name) == nil { try makeDirectory(path, mode: 0o700) }
        guard let owner else { return }
        // O_NOFOLLOW: a link that another user has put there must not lead root to give something else away.
        let directory = try openDescriptor(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: .makeDirectory)
        var status = stat()
        _ = try systemCall(.makeDirectory, name) { fstat(directory.number, &status) }
        guard FileOwner(user: status.st_uid, group: status.st_gid) != owner else { return }
        _ = try systemCall(.makeDirectory, name) { fchown(directory.number, owner.user, owner.group) }
    }
}
