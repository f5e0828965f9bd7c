internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// The journal on disk, and the index of what it says. All methods may be called from any thread, and block.
final class Journal: Sendable {
    /// What is read into memory at start.
    static let sizeMax = 4 << 30

    struct File {
        var format: JournalFormat
        var handle: any OutputFileHandle
        var size: Int
        /// After a failed sync nobody knows what of the file is on disk, and asking again would get a false yes.
        var mustRewrite = false
        /// What was committed since the compaction that runs has begun; nil where none runs.
        var sinceCompaction: CommitRecord?
        /// Unix seconds; 0 after a start.
        var compactedAt: Int64 = 0
        /// Put off after a compaction that failed.
        var compactionSizeMin = 0
    }

    let path: String
    let compactionSizeMin: Int
    /// Unix seconds; 0: it was there at the start.
    let madeAt: Int64
    private let sync: SyncPolicy
    let fileSystem: any FileSystem
    let file: Mutex<File>
    let index: Mutex<JournalIndex>
    let waiting = Mutex<[Registration]>([])
    /// Held by the one that writes for all who wait.
    let turn = Mutex<Void>(())

    /// Opens the journal, or makes one where there is none; a torn last frame is cut off. `now` in unix seconds.
    init(
        _ configuration: StoreConfiguration, _ fileSystem: any FileSystem, now: Int64, recovery: inout StoreRecovery
    ) throws(StoreError) {
        path = configuration.journal
        sync = configuration.sync
        compactionSizeMin = configuration.compactionSizeMin
        self.fileSystem = fileSystem
        var index = JournalIndex()
        var opened = try Self.load(path, fileSystem, into: &index, &recovery)
        if sync == .commit, !recovery.isFresh { Self.renew(&opened, index, path, fileSystem) }
        madeAt = recovery.isFresh ? now : 0
        file = Mutex(opened)
        self.index = Mutex(index)
    }

    /// Makes a commit durable, and then the index say so. After an error the index is as before.
    func write(_ commit: CommitRecord) throws(StoreError) {
        guard !commit.isEmpty else { return }
        try file.withLock { file throws(StoreError) in
            try settle(&file)
            try append(commit, to: &file)
            file.sinceCompaction?.add(commit)
            index.withLock { $0.apply(commit) }
        }
    }

    /// Sees to it that nothing is on disk but what the index says. The frame of a commit that failed may be, and a crash
    /// would make it count: an output that was cut back meanwhile would lack what the frame says of it.
    func settle() throws(StoreError) {
        try file.withLock { file throws(StoreError) in try settle(&file) }
    }

    /// In bytes. Waits for a commit that is being written.
    var size: Int { file.withLock { $0.size } }

    /// Asks the index.
    func read<Answer: Sendable>(_ question: (inout JournalIndex) -> Answer) -> Answer {
        index.withLock { index in question(&index) }
    }
}

extension Journal {
    private static func load(
        _ path: String, _ fileSystem: any FileSystem, into index: inout JournalIndex, _ recovery: inout StoreRecovery
    ) throws(StoreError) -> File {
        let name = SourcePath(path)
        let found = try StoreError.about(name, .journal) { () throws(FileError) in
            try fileSystem.contents(of: path, bytesMax: sizeMax)
        }
        guard let bytes = found else {
            recovery.isFresh = true
            return try create(CommitRecord(), path, fileSystem)
        }
        // A journal gets its name with its header in it, synchronized: what an empty one held is lost.
        guard !bytes.isEmpty else { throw StoreError(.damagedJournal, name) }
        let content = try read(bytes, path)
        for commit in content.commits { index.apply(commit) }
        recovery.journalBytesTorn = bytes.count - content.validSize
        let handle = try StoreError.about(name, .journal) { () throws(FileError) in
            let handle = try fileSystem.openOutput(.absolute(name), OutputOpening(isCreating: false))
            if content.validSize < bytes.count {
                try handle.truncate(to: UInt64(content.validSize))
                try handle.synchronize()
            }
            return handle
        }
        return File(format: content.format, handle: handle, size: content.validSize)
    }

    /// Writes anew what was read. A sync of the process before may have failed: then the kernel shows frames that are not
    /// on disk, takes them for clean, and no further sync writes them. Where it fails, the first commit tries again.
    private static func renew(_ file: inout File, _ index: JournalIndex, _ path: String, _ fileSystem: any FileSystem) {
        do {
            file = try create(index.everything, path, fileSystem)
        } catch {
            file.mustRewrite = true
        }
    }

    private static func read(_ bytes: [UInt8], _ path: String) throws(StoreError) -> JournalFormat.Content {
        do {
            return try JournalFormat.read(bytes)
        } catch {
            switch error {
            case .damaged(let byte): throw StoreError(.damagedJournal, SourcePath(path), number: UInt64(byte))
            case .unknownVersion(let version):
                throw StoreError(.unknownJournalVersion, SourcePath(path), number: UInt64(version))
            }
        }
    }

    private static func create(
        _ content: CommitRecord, _ path: String, _ fileSystem: any FileSystem
    ) throws(StoreError) -> File {
        let format = JournalFormat(salt: .random(in: .min ... .max))
        var bytes = format.header
        if !content.isEmpty { bytes += format.frame(content.encoded, at: bytes.count) }
        let handle = try StoreError.about(SourcePath(path), .journal) { () throws(FileError) in
            try fileSystem.replace(path, with: bytes, mode: 0o600)
            return try fileSystem.openOutput(.absolute(SourcePath(path)), OutputOpening(isCreating: false))
        }
        return File(format: format, handle: handle, size: bytes.count)
    }

    private func append(_ commit: CommitRecord, to file: inout File) throws(StoreError) {
        let frame = file.format.frame(commit.encoded, at: file.size)
        do {
            try unsafe file.handle.append(frame.span.bytes)
            // What is behind the last known size must not be taken for the end of the file.
            file.size += frame.count
            if sync == .commit { try file.handle.synchronize() }
        } catch {
            let isAsBefore = error.operation == .append && !error.isTorn
            if !isAsBefore { file.mustRewrite = true }
            throw StoreError(.journal, SourcePath(path), cause: error)
        }
    }

    private func settle(_ file: inout File) throws(StoreError) {
        if file.mustRewrite { try rewrite(&file, index.withLock { $0.everything }) }
    }

    private func rewrite(_ file: inout File, _ content: CommitRecord) throws(StoreError) {
        // Until this has succeeded, the new file may have the name: what went to the old one would be lost with it.
        file.mustRewrite = true
        file = try Self.create(content, path, fileSystem)
    }

    /// Whether the journal's name still leads to this file, so that what is appended to it will be read again.
    func isInPlace(_ file: File) -> Bool {
        guard let named = try? fileSystem.status(of: SourcePath(path)), let open = try? file.handle.status() else {
            return false
        }
        return named.identity == open.identity && named.device == open.device
    }
}

extension FileError {
    /// The file ends with part of what was to be appended.
    var isTorn: Bool {
        if case .torn = remains { true } else { false }
    }
}
