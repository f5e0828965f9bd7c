package import HamsterCore
package import HamsterFiles
internal import HamsterState

/// Files that were truncated or rewritten: what they held before is looked for in copies.
extension FileCatalogue {
    private static let listingsMax = 16
    /// More than what the clock of modification times moves at once.
    static let clockTick: Duration = .milliseconds(50)

    /// What a server has said of a file that holds other content.
    package struct ServerView: Sendable, Hashable {
        package var offset: UInt64
        package var check: ContinuityCheck?

        package init(offset: UInt64, check: ContinuityCheck?) {
            self.offset = offset
            self.check = check
        }
    }

    /// Whether a file of which nothing is sent was truncated all the same, once or more often: copies of its path that were
    /// made since tell. Its bytes can't tell, since none of them is known.
    package mutating func isOverwritten(
        _ file: TailedFile, of known: FollowedPath, now: FileTime
    ) throws(FileError) -> Bool {
        guard file.acknowledged == 0, known.selection.method.hasPredecessors, try hasRotatedNames(known, now) else {
            return false
        }
        var look = look(at: known, now)
        return try isOverwritten(file, of: known, &look)
    }

    /// Whether there are files that are named as if they had been rotated away from a path. Asked for each new file, so a
    /// directory is listed anew only after it has changed.
    private mutating func hasRotatedNames(_ known: FollowedPath, _ now: FileTime) throws(FileError) -> Bool {
        for place in [known.path, resolved[known.path]].compactMap({ $0 }) {
            if try !listing(of: place.directory, now).rotatedPaths(of: place).isEmpty { return true }
        }
        return false
    }

    /// A look at one path. Its folders are not listed once more while nothing changes in them: with thousands of files in
    /// one, a listing for each of them would hold up all others.
    mutating func look(at known: FollowedPath, _ now: FileTime) -> Look {
        var listings: [SourcePath: DirectoryListing] = [:]
        for place in [known.path, resolved[known.path]].compactMap({ $0 }) {
            // One that can't be listed is among the problems of the look.
            listings[place.directory] = try? listing(of: place.directory, now)
        }
        return Look(
            now: now, isFirst: false, Predecessors(fileSystem, resolved: resolved, listings: listings))
    }

    private mutating func listing(of directory: SourcePath, _ now: FileTime) throws(FileError) -> DirectoryListing {
        let modified = try fileSystem.status(of: directory)?.modified
        if let known = listings[directory], known.modified == modified { return known.listing }
        let listing = try DirectoryListing(of: directory, fileSystem)
        if listings.count >= Self.listingsMax { listings = [:] }
        // What changes within the same tick of the clock is not told by the time.
        if let modified, now.duration(since: modified) > Self.clockTick {
            listings[directory] = (modified, listing)
        }
        return listing
    }

    func isOverwritten(
        _ file: TailedFile, of known: FollowedPath, _ look: inout Look
    ) throws(FileError) -> Bool {
        let record = file.record
        guard known.selection.method.hasPredecessors, record.position.offset == 0, file.rotatedAt == nil,
            record.identity == file.identity
        else { return false }
        let candidates = unknown(of: known, &look).filter { !isTooOld($0, known, look) }
        guard try copy(of: .position(record.position), record, among: candidates, try file.open(), &look) != nil else {
            return false
        }
        // Where the file has left the path meanwhile, what looks like a copy can be a younger file.
        return try fileSystem.status(of: known.path)?.identity == file.identity
    }

    /// The file that is first in line holds other content: what was written before is looked for in a copy, and comes
    /// first; the file itself starts over under a new token. Returns how many bytes were seen in it and are lost.
    ///
    /// `view`: what the server knows, where that is what the file doesn't match.
    package mutating func startOver(
        _ file: TailedFile, of known: FollowedPath, view: ServerView? = nil, now: FileTime
    ) throws(FileError) -> UInt64 {
        var look = look(at: known, now)
        return try startOver(file, of: known, view, &look)
    }

    mutating func startOver(
        _ file: TailedFile, of known: FollowedPath, _ view: ServerView?, _ look: inout Look
    ) throws(FileError) -> UInt64 {
        var record = file.record
        let current = try file.open()
        let knownProblems = look.predecessors.problems.count
        // Where the server knows nothing of the bytes themselves, our own record is what there is.
        let match =
            view.flatMap { view in
                view.check.map { ContentMatch.check($0, offset: view.offset) }
            } ?? .position(record.position)
        // As long as nothing was acknowledged, the size that was seen may be that of the new content.
        if record.position.offset == 0 { record.sizeSeen = match.offset }
        let hasCandidates = known.selection.method.hasPredecessors
        let candidates = hasCandidates ? unknown(of: known, orSkipped: true, &look) : []
        let copy = try copy(of: match, record, among: candidates, current, &look)
        // A candidate that could not be opened for want of a descriptor may be the copy.
        try look.predecessors.requireDescriptors(since: knownProblems)
        // One that the server was to be asked about, or was, is sent as the end of this file.
        if let skipped = copy.flatMap({ known.file($0.identity) }) { known.removeDelivered(skipped) }
        var hasOlder = false
        if let copy, copy.status.size > match.offset {
            let older = precede(known, with: copy, record, before: file, &look)
            if let older, view != nil {
                _ = older.resume(at: try older.position(at: match.offset), now: look.now.seconds)
            }
            hasOlder = older != nil
        }
        let modified = try current.status().modified
        var newestCopy = copy?.born
        for candidate in candidates where candidate.identity != copy?.identity {
            guard state.record(of: candidate.identity) == nil,
                candidate.born > (copy?.born ?? record.since ?? look.now),
                !look.predecessors.isCopy(candidate, of: current)
            else { continue }
            // What came into being after the last write is no copy of what was in this file, but younger than it.
            let isOlder = file.rotatedAt == nil || candidate.born <= modified
            if isOlder { newestCopy = max(newestCopy ?? candidate.born, candidate.born) }
            precede(known, with: candidate, freshRecord(candidate, known, look), before: isOlder ? file : nil, &look)
        }
        do {
            try look.predecessors.requireDescriptors(since: knownProblems)
        } catch {
            // All of it is done once more.
            if let copy, let older = known.file(copy.identity) { known.removeDelivered(older) }
            throw error
        }
        // What a copy that is sent does not hold is counted when its turn comes.
        let isLost = !hasOlder && record.sizeSeen > match.offset
        if match.offset == 0, record.position.offset == 0, copy == nil, view?.offset ?? 0 == 0 {
            // Nothing says that anything of the old content was sent. If it was, the server's check will tell.
            let gone = file.noteSize(try current.status().size)
            // One that the server did not know may be a copy all the same: what it knows of this file will tell.
            let mayBeCopied = candidates.contains { $0.born > record.since ?? look.now && $0.status.size > 0 }
            return mayBeCopied ? 0 : gone
        }
        // Not when it is noticed: files can have come into being, and have been rotated away, since the truncation. But
        // later than the copies that were dealt with just now.
        let truncatedAt = newestCopy.map { FileTime(nanoseconds: $0.nanoseconds + 1) } ?? min(modified, look.now)
        let fresh = file.startOver(
            size: try current.status().size, since: max(truncatedAt, record.since ?? truncatedAt), now: look.now)
        // Until the copy is sent, the old record says what is left of it.
        if !hasOlder { state.update(fresh) }
        return isLost ? record.sizeSeen - match.offset : 0
    }

    /// The file that holds what was written before the truncation: judged by content, or, where nothing of that was
    /// acknowledged, the oldest one that was made since.
    private func copy(
        of match: ContentMatch, _ record: FileRecord, among candidates: [Predecessors.Candidate],
        _ current: any ReadableFile, _ look: inout Look
    ) throws(FileError) -> Predecessors.Candidate? {
        if match.offset > 0 {
            let copies = candidates.filter { look.predecessors.holds(match, for: $0) }
            // One that is known for longer was not made by this truncation, though it begins alike.
            return copies.last { state.record(of: $0.identity) == nil }
                ?? copies.max { $0.status.size < $1.status.size }
        }
        return candidates.first { candidate in
            candidate.status.size > 0 && state.record(of: candidate.identity) == nil
                && candidate.born > record.since ?? look.now
                && !look.predecessors.isCopy(candidate, of: current)
        }
    }
}
