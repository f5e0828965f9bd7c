internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// Making a gzip file of one that was put aside. Until the new file and its name are on disk, the old one stays.
extension Store {
    /// Bytes that are read and compressed at once.
    private static let compressionPieceBytes = 256 * 1_024
    /// So many bytes are written before a sync: at the end there is little left for the one that others may wait for.
    private static let compressionSyncBytes = 8 << 20

    /// Replaces one file by a gzip file. While it is written the file may get another name, or be removed.
    func compress(_ name: RotatedName, _ files: RotatedFiles) throws(StoreError) {
        let path = files.path(name)
        guard let (source, status) = try open(path) else { return }
        let copy = try withNames(of: files) { () throws(StoreError) in
            try StoreError.about(path, .retention) { () throws(FileError) in try files.makeUnfinished(like: status) }
        }
        do throws(StoreError) {
            // Without a lock: others would wait for a thread that waits for them.
            let byteCount = try withIdlePriority { () -> Result<UInt64, StoreError> in
                Result { () throws(StoreError) in try writeCompressed(source, to: copy, path) }
            }.get()
            try withNames(of: files) { () throws(StoreError) in
                try StoreError.about(path, .retention) { () throws(FileError) in
                    try replace(source, status, by: byteCount, files)
                }
            }
        } catch {
            // Where that fails too, the next one to compress here does it.
            namesTurn.withLock { isOver in if !isOver { try? files.removeUnfinished() } }
            throw error
        }
    }

    /// Nil: the file has got another name meanwhile, and is found under that.
    private func open(_ path: SourcePath) throws(StoreError) -> (any ReadableFile, FileStatus)? {
        do throws(FileError) {
            let source = try fileSystem.open(path)
            return (source, try source.status())
        } catch {
            if error.isMissing { return nil }
            throw StoreError(.retention, path, cause: error)
        }
    }

    /// Gives the size of the compressed file, which is on disk then.
    private func writeCompressed(
        _ source: any ReadableFile, to copy: any OutputFileHandle, _ path: SourcePath
    ) throws(StoreError) -> UInt64 {
        guard let encoder = GzipEncoder() else {
            throw StoreError(.retention, path, cause: FileError(.append, path, code: FileError.noMemoryCode))
        }
        var (offset, written, unsynced) = (UInt64(0), UInt64(0), 0)
        var isAtEnd = false
        while !isAtEnd {
            if isStopping.load(ordering: .acquiring) { throw StoreError(.closed, path) }
            try StoreError.about(path, .retention) { () throws(FileError) in
                let bytes = try source.bytes(at: offset, count: Self.compressionPieceBytes)
                offset += UInt64(bytes.count)
                isAtEnd = bytes.isEmpty
                let compressed = isAtEnd ? encoder.finish() : encoder.encode(bytes)
                if !compressed.isEmpty { try unsafe copy.append(compressed.span.bytes) }
                written += UInt64(compressed.count)
                unsynced += compressed.count
                guard isAtEnd || unsynced >= Self.compressionSyncBytes else { return }
                try copy.synchronize()
                unsynced = 0
            }
        }
        return written
    }

    /// In the turn of the names.
    private func replace(
        _ source: any ReadableFile, _ status: FileStatus, by byteCount: UInt64, _ files: RotatedFiles
    ) throws(FileError) {
        // A younger rotation has removed it meanwhile.
        guard let name = try files.name(of: status.identity) else { return try files.removeUnfinished() }
        guard try source.status().size == status.size, !table.withLock({ $0.isOwned(status.identity) }) else {
            throw FileError(.read, files.path(name), code: FileError.staleCode)
        }
        let compressed = try files.finish(name)
        onEvent(
            .compressed(
                files.path(name), to: compressed, byteCount: status.size, compressedByteCount: byteCount))
    }
}
