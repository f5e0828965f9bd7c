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

        /// It has no byte of the file.
        package static let nothing = ServerView(offset: 0, check: nil)

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
        guard known.selection.method.hasPredecessors, file.isKnownToServerAlone else { return false }
        let candidates = unknown(of: known, &look).filter { !isTooOld($0, known, look) }
        let copy = try copy(of: .position(record.position), file, record, among: candidates, &look)
        guard let copy else { return false }
        // Where the file has left the path meanwhile, what looks like a copy can be a younger file.
        let isLeading = try fileSystem.status(of: known.path)?.identity == file.identity
        return try file.mayBeCopied(by: copy, isLeading: isLeading)
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
        if file.isCopy { return try replaceCopy(file, of: known, view, &look) }
        var record = file.record
        let current = try file.open()
        let knownProblems = look.predecessors.problems.count
        let match = Self.match(record, view)
        // As long as nothing was acknowledged, the size that was seen may be that of the new content.
        if record.position.offset == 0 { record.sizeSeen = match.offset }
        let hasCandidates = known.selection.method.hasPredecessors
        let candidates = hasCandidates ? unknown(of: known, orSkipped: true, &look) : []
        let copy = try copy(of: match, file, record, among: candidates, &look)
        // A candidate that could not be opened for want of a descriptor may be the copy.
        try look.predecessors.requireDescriptors(since: knownProblems)
        let hasOlder = try copy.map { copy throws(FileError) in
            try precede(file, with: copy, record, match, isAnswered: view != nil, of: known, &look)
        }
        let youngest = try addYounger(file, copy, candidates, of: known, &look)
        do {
            try look.predecessors.requireDescriptors(since: knownProblems)
        } catch {
            // All of it is done once more.
            if let copy, let older = known.file(copy.identity) { known.removeDelivered(older) }
            throw error
        }
        if match.offset == 0, record.position.offset == 0, copy == nil {
            // Nothing says that anything of the old content was sent. If it was, the server's check will tell.
            let gone = file.noteSize(try current.status().size)
            // One that the server did not know may be a copy all the same: what it knows of this file will tell.
            let mayBeCopied = candidates.contains { $0.born > record.since ?? look.now && $0.status.size > 0 }
            return mayBeCopied ? 0 : gone
        }
        // Not when it is noticed: it may have been copied and truncated again since. But later than the copies that were dealt
        // with just now.
        let since = youngest.map { FileTime(nanoseconds: $0.nanoseconds + 1) } ?? record.since ?? look.now
        let fresh = file.startOver(
            size: try current.status().size, since: max(since, record.since ?? since), now: look.now)
        // Until the copy is sent, the old record says what is left of it; and what it does not hold is counted then.
        if hasOlder ?? false { return 0 }
        state.update(fresh)
        return record.sizeSeen > match.offset ? record.sizeSeen - match.offset : 0
    }

    /// What is known of the old content: where the server knows nothing of the bytes themselves, our own record is what there is.
    private static func match(_ record: FileRecord, _ view: ServerView?) -> ContentMatch {
        view.flatMap { view in view.check.map { ContentMatch.check($0, offset: view.offset) } }
            ?? .position(record.position)
    }

    /// Puts a copy in line before the file whose old content it holds. False: it has nothing that was not sent.
    private mutating func precede(
        _ file: TailedFile, with copy: Predecessors.Candidate, _ record: FileRecord, _ match: ContentMatch,
        isAnswered: Bool, of known: FollowedPath, _ look: inout Look
    ) throws(FileError) -> Bool {
        // One that the server was to be asked about, or was, is sent as the end of this file.
        if let skipped = known.file(copy.identity) { known.removeDelivered(skipped) }
        guard copy.status.size > match.offset, let older = precede(known, with: copy, record, before: file, &look)
        else {
            return false
        }
        if isAnswered {
            _ = older.resume(at: try older.position(at: match.offset), now: look.now.seconds)
        }
        return true
    }

    /// Files that came into being after the copy, where the file itself has left its path: copies of what it held later, and
    /// younger files. Those of a file that is in its place are asked for generation by generation. Returns the age of the
    /// youngest copy.
    private mutating func addYounger(
        _ file: TailedFile, _ copy: Predecessors.Candidate?, _ candidates: [Predecessors.Candidate],
        of known: FollowedPath, _ look: inout Look
    ) throws(FileError) -> FileTime? {
        var youngest = copy?.born
        guard file.rotatedAt != nil else { return youngest }
        let (current, since) = (try file.open(), file.record.since ?? look.now)
        let modified = try current.status().modified
        for candidate in candidates where candidate.identity != copy?.identity {
            guard state.record(of: candidate.identity) == nil, candidate.born > (copy?.born ?? since),
                !look.predecessors.isCopy(candidate, of: current),
                try !mayBeCopy(candidate, ofAnyBut: file, of: known)
            else { continue }
            // What came into being after the last write is no copy of what was in this file, but younger than it.
            let isOlder = candidate.born <= modified
            if isOlder { youngest = max(youngest ?? candidate.born, candidate.born) }
            precede(known, with: candidate, freshRecord(candidate, known, look), before: isOlder ? file : nil, &look)
        }
        return youngest
    }

    /// A file that was taken for the copy of a record's content does not hold what the server has of that. Another one may;
    /// where none does, nothing is left of it. Returns how many bytes were seen and are lost.
    private mutating func replaceCopy(
        _ file: TailedFile, of known: FollowedPath, _ view: ServerView?, _ look: inout Look
    ) throws(FileError) -> UInt64 {
        let record = file.record
        if record.isUnasked {
            if try !settleSent(file, of: known, view, &look) { settleMistaken(file, now: look.now) }
            return 0
        }
        let match = Self.match(record, view)
        let knownProblems = look.predecessors.problems.count
        let candidates = unknown(of: known, orSkipped: true, &look)
        let copy = try copy(of: match, file, record, among: candidates, &look)
        try look.predecessors.requireDescriptors(since: knownProblems)
        let isReplaced = try copy.map { copy throws(FileError) in
            try precede(file, with: copy, record, match, isAnswered: view != nil, of: known, &look)
        }
        known.removeDelivered(file)
        guard !(isReplaced ?? false), record.sizeSeen > match.offset else { return 0 }
        return record.sizeSeen - match.offset
    }

    /// The server has more of a file that is gone than its copy holds: nothing of that is left to send. False: it is not the
    /// copy.
    private func settleSent(
        _ copy: TailedFile, of known: FollowedPath, _ view: ServerView?, _ look: inout Look
    ) throws(FileError) -> Bool {
        let candidate = Predecessors.Candidate(path: copy.location, status: try copy.status())
        guard let view, candidate.status.size <= view.offset,
            look.predecessors.isBeginning(candidate, of: copy.record.begun)
        else { return false }
        state.update(copy.resume(at: try copy.position(at: candidate.status.size), now: look.now.seconds))
        known.removeDelivered(copy)
        return true
    }

    /// The file that holds what was written before the truncation: judged by content, or, where nothing of that was
    /// acknowledged, the oldest one that was made since.
    private func copy(
        of match: ContentMatch, _ file: TailedFile, _ record: FileRecord,
        among candidates: [Predecessors.Candidate], _ look: inout Look
    ) throws(FileError) -> Predecessors.Candidate? {
        let made = candidates.filter { candidate in
            candidate.status.size > 0 && state.record(of: candidate.identity) == nil
                && candidate.born > record.since ?? look.now
        }
        if match.offset > 0 {
            let copies = candidates.filter { look.predecessors.holds(match, for: $0) }
            // One that is known for longer was not made by this truncation, though it begins alike.
            return copies.last { state.record(of: $0.identity) == nil }
                ?? copies.max { $0.status.size < $1.status.size }
                // What was written between the copy and the truncation is not in it.
                ?? beginning(of: record, below: match.offset, among: made, &look)
        }
        let current = try file.open()
        guard let first = made.first(where: { !look.predecessors.isCopy($0, of: current) }),
            try file.mayBeCopied(by: first, isLeading: file.rotatedAt == nil)
        else { return nil }
        return completed(first, among: made, &look)
    }

    /// A copy of what was sent, all of which the server has.
    private func beginning(
        of record: FileRecord, below offset: UInt64, among made: [Predecessors.Candidate], _ look: inout Look
    ) -> Predecessors.Candidate? {
        let position = record.position
        let head = position.offset > 0 ? position.head : record.begun
        let small = made.filter { $0.status.size <= max(offset, position.offset) }
        let first = small.first { look.predecessors.isBeginning($0, of: head) }
        return first.flatMap { completed($0, among: small, &look) }
    }

    /// A copy may be one that was interrupted, or one of several.
    func completed(
        _ copy: Predecessors.Candidate, among made: [Predecessors.Candidate], _ look: inout Look
    ) -> Predecessors.Candidate? {
        made.last { candidate in
            look.predecessors.open(candidate).map { look.predecessors.isCopy(copy, of: $0.file) } ?? false
        }
    }
}

extension TailedFile {
    /// Whether a candidate may be a copy of what the file held before, judged by ages. A file that its path does not lead to
    /// any more was not copied if it was renamed, and not later than it was written to or truncated.
    func mayBeCopied(by candidate: Predecessors.Candidate, isLeading: Bool) throws(FileError) -> Bool {
        guard let since = record.since, candidate.born > since else { return false }
        guard !isLeading else { return true }
        let status = try status()
        return status.links == 0 && candidate.born <= status.modified
    }
}
