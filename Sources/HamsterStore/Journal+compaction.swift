internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// Writing the journal anew without what is outdated.
///
/// Most of that happens beside the commits, which go on in the old file and are remembered; only for what they brought,
/// and for the rename, does the next commit wait. At every moment one of the two files holds all, under the journal's name.
extension Journal {
    /// In seconds. Without it streams that were sent once would never be forgotten: nothing outdates their records.
    private static let compactionInterval: Int64 = 86_400

    private struct Compaction {
        var index: JournalIndex
        /// To be left out, unless somebody has taken it up by the end.
        var expired: JournalIndex.Expired
        var now: Int64
    }

    /// Whether most of a large journal is outdated, or a day is over since the last time (`now` in unix seconds).
    func isCompactionDue(now: Int64) -> Bool {
        file.withLock { file in isCompactionDue(file, now: now) }
    }

    /// Writes the journal anew where that is due, without what `expired` names; it is asked twice, with the index locked.
    /// One call at a time. An error leaves all as it was.
    func compactIfDue(
        now: Int64, _ expired: (JournalIndex) -> JournalIndex.Expired
    ) throws(StoreError) {
        guard let compaction = begin(now, expired) else { return }
        do {
            let file = try write(compaction)
            try finish(compaction, file, expired)
        } catch {
            abort(now)
            throw StoreError(.journal, SourcePath(path), cause: error)
        }
    }

    private func isCompactionDue(_ file: File, now: Int64) -> Bool {
        guard file.size > file.compactionSizeMin else { return false }
        let isDayOver = now - file.compactedAt >= Self.compactionInterval
        guard file.size <= compactionSizeMin else {
            return isDayOver || file.size > 4 * index.withLock { $0.liveSize }
        }
        // What a small one names counts against its host until it is forgotten; but in a new one nothing is so old.
        return isDayOver && now - madeAt >= Self.compactionInterval
    }

    private func begin(_ now: Int64, _ expired: (JournalIndex) -> JournalIndex.Expired) -> Compaction? {
        let copy = file.withLock { file -> JournalIndex? in
            guard isCompactionDue(file, now: now) else { return nil }
            file.sinceCompaction = CommitRecord()
            return index.withLock { $0 }
        }
        return copy.map { Compaction(index: $0, expired: expired($0), now: now) }
    }

    private var temporary: SourcePath { SourcePath(path + ".compact") }

    /// The new file, synchronized, under another name.
    private func write(_ compaction: Compaction) throws(FileError) -> File {
        var kept = compaction.index
        _ = kept.remove(compaction.expired)
        let format = JournalFormat(salt: .random(in: .min ... .max))
        let content = kept.everything
        var bytes = format.header
        if !content.isEmpty { bytes += format.frame(content.encoded, at: bytes.count) }
        do {
            // Of a compaction that a crash has ended.
            try fileSystem.remove(temporary)
        } catch let error where error.isMissing {}
        let handle = try fileSystem.openOutput(.absolute(temporary), OutputOpening(mode: 0o600))
        try unsafe handle.append(bytes.span.bytes)
        try handle.synchronize()
        return File(format: format, handle: handle, size: bytes.count, compactedAt: compaction.now)
    }

    /// Puts the new file into the old one's place, with what was committed meanwhile.
    private func finish(
        _ compaction: Compaction, _ written: File, _ expired: (JournalIndex) -> JournalIndex.Expired
    ) throws(FileError) {
        try file.withLock { file throws(FileError) in
            // A failed sync has had the journal written anew already.
            guard var rest = file.sinceCompaction else { return }
            // Who opens one of these from now on finds it unknown and records it, which waits for this lock.
            let (revived, removed) = index.withLock { index in
                let still = expired(index).intersection(compaction.expired)
                return (index.records(of: compaction.expired.subtracting(still)), index.remove(still))
            }
            rest.add(revived)
            do throws(FileError) {
                file = try replace(with: written, rest)
            } catch {
                index.withLock { $0.apply(removed) }
                throw error
            }
        }
    }

    private func replace(with written: File, _ rest: CommitRecord) throws(FileError) -> File {
        var file = written
        if !rest.isEmpty {
            let frame = file.format.frame(rest.encoded, at: file.size)
            try unsafe file.handle.append(frame.span.bytes)
            try file.handle.synchronize()
            file.size += frame.count
        }
        let name = SourcePath(path)
        try fileSystem.rename(temporary, to: name)
        try fileSystem.synchronizeDirectory(SourcePath(bytes: Array(name.bytes.prefix(upTo: directoryEnd(name)))))
        return file
    }

    /// After an error. The next attempt waits until the journal is twice as large.
    private func abort(_ now: Int64) {
        file.withLock { file in
            file.sinceCompaction = nil
            // Where the new file has the name already, what goes to this one would be lost with it.
            file.mustRewrite = file.mustRewrite || !isInPlace(file)
            file.compactedAt = now
            file.compactionSizeMin = 2 * file.size
        }
        // A file that is left behind is removed by the next attempt.
        try? fileSystem.remove(temporary)
    }

    private func directoryEnd(_ name: SourcePath) -> Int {
        max(1, name.bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0)
    }
}
