package import HamsterCore
package import HamsterFiles
internal import HamsterState

// MARK: - Files that were rotated while nobody looked

extension FileCatalogue {
    /// Puts the files in line that were behind a path before the one that it leads to now, and are not delivered.
    ///
    /// `isContinued`: whether the path's present file holds what is known of it; where it doesn't, starting it over finds
    /// what was written meanwhile.
    mutating func addPredecessors(
        of known: FollowedPath, leading: TailedFile?, isContinued: Bool, _ look: inout Look
    ) throws(FileError) {
        guard known.selection.method.hasPredecessors else { return }
        let records = state.records(of: known.path).filter { $0.identity != leading?.identity }
        for record in records where owners[record.identity]?.file(record.identity) == nil {
            guard let candidate = look.predecessors.find(record.identity, of: known.path) else {
                if let copy = copy(ofGone: record, known, &look) { precede(known, with: copy, record, &look) }
                continue
            }
            if isUnfinished(candidate, record, known, look) { precede(known, with: candidate, record, &look) }
        }
        guard isContinued else { return }
        let newest = (records + [leading?.record].compactMap { $0 }.filter { state.record(of: $0.identity) != nil })
            .compactMap(\.since).max()
        for candidate in unknown(of: known, &look) where candidate.identity != leading?.identity {
            if let newest {
                // Not only later: the clock of births moves some milliseconds at a time.
                guard candidate.born >= newest, candidate.status.modified >= newest else { continue }
                try addIfNew(candidate, of: known, leading, &look)
            } else {
                try addUnknown(candidate, of: known, leading, &look)
            }
        }
    }

    /// Files of paths that are not there any more, or not yet again: what the state knows of them is finished.
    mutating func resumeVanished(_ found: Set<SourcePath>, _ look: inout Look) {
        for record in state.records.sorted(by: { $0.path < $1.path }) where !found.contains(record.path) {
            guard owners[record.identity]?.file(record.identity) == nil,
                let (path, index) = taker(of: record.path),
                let found = look.predecessors.find(record.identity, of: path)
            else { continue }
            let known = followed[path] ?? FollowedPath(path: path, selection: selections[index], input: index)
            guard isUnfinished(found, record, known, look) else { continue }
            precede(known, with: found, record, &look)
            if followed.updateValue(known, forKey: path) == nil { look.found(known) }
        }
        addPredecessorsOfVanished(found, &look)
    }

    /// Files that were written and rotated under paths that the state knows, and that lead nowhere now.
    private mutating func addPredecessorsOfVanished(_ found: Set<SourcePath>, _ look: inout Look) {
        for path in Set(state.records.map(\.path)).sorted() where !found.contains(path) {
            guard let index = selections.firstIndex(where: { $0.method.hasPredecessors && $0.takes(path) }) else {
                continue
            }
            let known = followed[path] ?? FollowedPath(path: path, selection: selections[index], input: index)
            addPredecessors(ofVanished: known, &look)
            guard !known.all.isEmpty else { continue }
            if followed.updateValue(known, forKey: path) == nil { look.found(known) }
        }
    }

    /// Once a day, what the state knows of files that are gone is dropped. What a pattern finds was seen just now; others
    /// are looked for in the folder in which they were.
    mutating func forgetGone(_ look: inout Look) {
        let day: Int64 = 86_400
        guard look.now.seconds - (forgotAt?.seconds ?? 0) > day else { return }
        forgotAt = look.now
        for record in state.records(notSeenSince: look.now.seconds - 2 * day) {
            guard owners[record.identity] == nil else { continue }
            if look.predecessors.find(record.identity, of: record.path) != nil {
                state.touch(record, now: look.now.seconds)
            } else if look.predecessors.hasFolder(of: record.path)
                || record.seenAt < look.now.seconds - Self.forgetAfterDays * day
            {
                state.forget(record)
            }
        }
    }

    /// Looks for a file that its last name does not lead to any more. False: it has no name in its folder. Throws where
    /// that can't be told at present.
    package mutating func locate(
        _ file: TailedFile, of known: FollowedPath, now: FileTime
    ) throws(FileError) -> Bool {
        var predecessors = look(at: known, now).predecessors
        for path in [known.path, file.location] {
            guard let found = predecessors.find(file.identity, of: path) else { continue }
            file.locate(at: found.path)
            if found.path != known.path { locations[found.path] = known }
            return true
        }
        if let problem = predecessors.problems.first { throw problem }
        return false
    }

    /// What was behind a path that leads nowhere.
    mutating func addPredecessors(ofVanished known: FollowedPath, _ look: inout Look) {
        do throws(FileError) {
            try addPredecessors(of: known, leading: nil, isContinued: true, &look)
        } catch {
            if !error.isMissing { look.changes.problems.append(error) }
        }
    }

    /// Where the rest of a file is that was copied, truncated and then removed.
    private func copy(
        ofGone record: FileRecord, _ known: FollowedPath, _ look: inout Look
    ) -> Predecessors.Candidate? {
        guard record.position.offset > 0 else { return nil }
        return unknown(of: known, &look).first { candidate in
            candidate.status.size > record.position.offset
                && look.predecessors.holds(.position(record.position), for: candidate)
        }
    }

    /// The path under which a file's record is looked after, and by which selection: its own, or the one that it had
    /// before it was rotated.
    private func taker(of path: SourcePath) -> (SourcePath, Int)? {
        let base = RotatedName.base(of: path.name).map { path.directory.appending($0) }
        for candidate in [path, base].compactMap({ $0 }) {
            let index = selections.firstIndex { $0.method.hasPredecessors && $0.takes(candidate) }
            if let index { return (candidate, index) }
        }
        return nil
    }

    /// Whether a known file may have bytes to send: it has, or somebody may still write to it.
    private func isUnfinished(
        _ candidate: Predecessors.Candidate, _ record: FileRecord, _ known: FollowedPath, _ look: Look
    ) -> Bool {
        if candidate.status.size != record.position.offset { return true }
        state.touch(record, now: look.now.seconds)
        return look.now.duration(since: candidate.status.modified) < known.selection.rotateWait
    }

    /// Names that rotation gives to files of the path, of files that nothing is known of; `orSkipped`: or of which nothing
    /// was sent under the path.
    private func unknown(
        of known: FollowedPath, orSkipped: Bool = false, _ look: inout Look
    ) -> [Predecessors.Candidate] {
        var found: [Predecessors.Candidate] = []
        for candidate in look.predecessors.rotated(of: known.path)
        where isUnknown(candidate, of: known, orSkipped: orSkipped) {
            let isTaken = known.selection.takes(candidate.path)
            if !isTaken || !isFileOfItsOwn(candidate, beside: known, &look) { found.append(candidate) }
        }
        return found
    }

    private func isUnknown(_ candidate: Predecessors.Candidate, of known: FollowedPath, orSkipped: Bool) -> Bool {
        guard !known.selection.excludes(candidate.path) else { return false }
        // Under a link the leading file has such a name itself.
        guard known.file(candidate.identity)?.rotatedAt != nil || known.file(candidate.identity) == nil else {
            return false
        }
        if let record = state.record(of: candidate.identity) {
            return orSkipped && (record.isSkipped || record.path == candidate.path)
        }
        return owners[candidate.identity]?.file(candidate.identity) == nil
    }

    /// Where files of the path are known: what was born later was written and rotated meanwhile, unless it is a copy.
    private mutating func addIfNew(
        _ candidate: Predecessors.Candidate, of known: FollowedPath, _ leading: TailedFile?, _ look: inout Look
    ) throws(FileError) {
        if try isCopyOfKnown(candidate, of: known, leading, &look) { return }
        precede(known, with: candidate, freshRecord(candidate, known, look), &look)
    }

    /// Whether a file's bytes are those of a known one: copied while that was rotated, or by somebody's hand.
    private func isCopyOfKnown(
        _ candidate: Predecessors.Candidate, of known: FollowedPath, _ leading: TailedFile?, _ look: inout Look
    ) throws(FileError) -> Bool {
        for record in state.records(of: known.path) {
            if record.position.offset > 0, look.predecessors.holds(.position(record.position), for: candidate) {
                return true
            }
            guard let found = look.predecessors.find(record.identity, of: known.path),
                let file = look.predecessors.open(found)
            else { continue }
            if look.predecessors.isCopy(candidate, of: file) { return true }
        }
        guard let leading else { return false }
        return look.predecessors.isCopy(candidate, of: try leading.open())
    }

    /// Whether a file that the patterns take was neither rotated away from the path that its name makes think of, nor copied:
    /// it came into being while that path led to the file that is there now, and begins otherwise.
    func isFileOfItsOwn(
        _ candidate: Predecessors.Candidate, beside known: FollowedPath, _ look: inout Look
    ) -> Bool {
        guard candidate.status.size > 0, let leading = known.leading else { return false }
        let record = leading.record
        guard let since = record.since, candidate.born > since else { return false }
        do throws(FileError) {
            let isSame = look.predecessors.isSameBeginning(candidate, try leading.open())
            // Asked afterwards: as long as the file holds what it held before, no copy of it begins otherwise.
            let status = try leading.status()
            let isUnchanged = candidate.born.duration(since: status.modified) > Self.clockTick
            guard !isSame || (isUnchanged && status.size == 0) else { return false }
            if !isUnchanged {
                guard record.position.offset > 0, try leading.continues(record.position) else { return false }
            }
            return try fileSystem.status(of: known.path)?.identity == leading.identity
        } catch {
            if !error.isMissing { look.changes.problems.append(error) }
            return false
        }
    }

    /// Where no file of the path is known: the state may be lost, so the server is asked what it knows of a file that was
    /// rotated before this client looked; a younger one is new.
    private mutating func addUnknown(
        _ candidate: Predecessors.Candidate, of known: FollowedPath, _ leading: TailedFile?, _ look: inout Look
    ) throws(FileError) {
        if let startedAt, candidate.born >= startedAt { return try addIfNew(candidate, of: known, leading, &look) }
        if isTooOld(candidate, known, look) { return }
        var record = freshRecord(candidate, known, look)
        record.isSkipped = true
        precede(known, with: candidate, record, &look)
    }

    /// The server has nothing of a rotated file that it was asked about. One that the patterns take themselves is sent
    /// under its own name; what another one holds is not sent. True: a look at everything is due, and finds the file.
    package mutating func settleUnknown(
        _ file: TailedFile, of known: FollowedPath, now: FileTime
    ) throws(FileError) -> Bool {
        let end = try file.position(at: try file.status().size)
        let location = file.location
        guard let selection = selections.first(where: { $0.method.hasPredecessors && $0.takes(location) }) else {
            state.update(file.skip(to: end, now: now.seconds))
            return false
        }
        // The server may remember that it was asked, and for which path: hence another token.
        _ = file.startOver(size: end.offset, since: file.record.since ?? now, now: now)
        if selection.start == .end { _ = file.skip(to: end, now: now.seconds) }
        state.update(file.send(as: location))
        known.removeDelivered(file)
        owners[file.identity] = nil
        locations[location] = nil
        return true
    }

    private func isTooOld(_ candidate: Predecessors.Candidate, _ known: FollowedPath, _ look: Look) -> Bool {
        guard let ignoreOlder = known.selection.ignoreOlder else { return false }
        return look.now.duration(since: candidate.status.modified) > ignoreOlder
    }

    private func freshRecord(
        _ candidate: Predecessors.Candidate, _ known: FollowedPath, _ look: Look
    ) -> FileRecord {
        FileRecord(
            identity: candidate.identity, path: known.path, sizeSeen: candidate.status.size, seenAt: look.now.seconds)
    }

    /// Nil where the file is gone by now.
    @discardableResult
    private mutating func precede(
        _ known: FollowedPath, with candidate: Predecessors.Candidate, _ record: FileRecord,
        before next: TailedFile? = nil, _ look: inout Look
    ) -> TailedFile? {
        guard let (candidate, handle) = look.predecessors.open(candidate, of: known.path) else { return nil }
        let file = tailedFile(handle, candidate.identity, at: candidate.path, record)
        known.precede(with: file, before: next, now: look.now)
        owners[candidate.identity] = known
        locations[candidate.path] = known
        if record.identity == candidate.identity { state.register(record) }
        return file
    }
}

// MARK: - Files that were truncated or rewritten

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
    private mutating func look(at known: FollowedPath, _ now: FileTime) -> Look {
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
        let isLost = copy == nil && record.sizeSeen > match.offset
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
