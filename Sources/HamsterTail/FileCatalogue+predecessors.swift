internal import HamsterCore
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
        let leadingRecord = leading.flatMap { state.record(of: $0.identity) }
        let newest = (records + [leadingRecord].compactMap { $0 }).compactMap(\.since).max()
        let unfollowed = records.filter { owners[$0.identity]?.file($0.identity) == nil }
        for record in unfollowed where look.predecessors.find(record.identity, of: known.path) == nil {
            addCopy(ofGone: record, leading, of: known, &look)
        }
        for record in unfollowed
        where state.record(of: record.identity) != nil && owners[record.identity]?.file(record.identity) == nil {
            guard let candidate = look.predecessors.find(record.identity, of: known.path),
                isUnfinished(candidate, record, known, &look)
            else { continue }
            precede(known, with: candidate, record, &look)
        }
        guard isContinued else { return }
        for candidate in unknown(of: known, &look) where candidate.identity != leading?.identity {
            if let newest {
                // Not only later: the clock of births moves some milliseconds at a time.
                guard candidate.born >= newest, candidate.status.modified >= newest else { continue }
                let isLeadingNew = leadingRecord == nil
                if isLeadingNew, let since = leading?.record.since, candidate.born > since { continue }
                if try mayBeCopy(candidate, ofAnyBut: leading, of: known) { continue }
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
            guard isUnfinished(found, record, known, &look) else { continue }
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
        // Names may move on while they are looked at.
        for _ in 0..<Predecessors.movesMax {
            for path in [known.path, file.location] {
                guard let found = predecessors.find(file.identity, of: path) else { continue }
                file.locate(at: found.path)
                if found.path != known.path { locations[found.path] = known }
                return true
            }
            predecessors.forgetListings()
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

    /// Whether a file may be a copy of what another one in line held before: the server is asked about that one first.
    func mayBeCopy(
        _ candidate: Predecessors.Candidate, ofAnyBut excluded: TailedFile?, of known: FollowedPath
    ) throws(FileError) -> Bool {
        for file in known.all where file !== excluded && file.isKnownToServerAlone {
            if try file.mayBeCopied(by: candidate, isLeading: file.rotatedAt == nil) { return true }
        }
        return false
    }

    /// The rest of a file that was copied, truncated and then removed. Where no acknowledgement of it is known, the server is
    /// asked whether the oldest file made since is its copy.
    private mutating func addCopy(
        ofGone record: FileRecord, _ leading: TailedFile?, of known: FollowedPath, _ look: inout Look
    ) {
        guard record.position.offset == 0 else { return addRest(ofGone: record, of: known, &look) }
        guard !record.isSkipped, let since = record.since else { return }
        // A path leads to one file at a time.
        let others = state.records(of: known.path).filter { !$0.isSkipped } + [leading?.record].compactMap { $0 }
        let end = others.compactMap(\.identity.born).filter { $0 > since }.min() ?? look.now
        let candidates = look.predecessors.rotated(of: known.path).filter { candidate in
            isUnsent(candidate, of: known) && candidate.status.size > 0 && candidate.born > since
                && candidate.born <= end
        }
        guard let first = candidates.first else { return }
        let made = completed(first, among: candidates, &look) ?? first
        leave(interrupted: record, for: made, of: known, &look)
        var asked = record
        asked.isSkipped = true
        asked.sizeSeen = 0
        precede(known, with: made, asked, &look)
        // What was copied after that was not sent before it was asked about the first. Where the path leads to an older file,
        // these are copies of that one.
        if let leading, (leading.record.since ?? look.now) <= since { return }
        for younger in candidates where younger.born > made.born {
            precede(
                known, with: younger, state.record(of: younger.identity) ?? freshRecord(younger, known, look), &look)
        }
    }

    /// A copy that an earlier look has found, and that was made once more since.
    private func leave(
        interrupted record: FileRecord, for made: Predecessors.Candidate, of known: FollowedPath, _ look: inout Look
    ) {
        guard let whole = look.predecessors.open(made)?.file else { return }
        for file in known.all where file.isCopy && file.record.identity == record.identity {
            do throws(FileError) {
                let earlier = Predecessors.Candidate(path: file.location, status: try file.status())
                if look.predecessors.isCopy(earlier, of: whole) { known.removeDelivered(file) }
            } catch {
                look.changes.problems.append(error)
            }
        }
    }

    /// The rest of a file that is gone is in the file that holds what was acknowledged of it.
    private mutating func addRest(ofGone record: FileRecord, of known: FollowedPath, _ look: inout Look) {
        for candidate in look.predecessors.rotated(of: known.path)
        where isUnsent(candidate, of: known) && look.predecessors.holds(.position(record.position), for: candidate) {
            // By now it is known not to be a file of its own.
            if let own = state.record(of: candidate.identity) { state.forget(own) }
            guard candidate.status.size > record.position.offset else { continue }
            precede(known, with: candidate, record, &look)
            return
        }
    }

    /// Whether nothing is known to be acknowledged of a rotated file, and it isn't one to be left out.
    private func isUnsent(_ candidate: Predecessors.Candidate, of known: FollowedPath) -> Bool {
        guard owners[candidate.identity]?.file(candidate.identity) == nil else { return false }
        guard let own = state.record(of: candidate.identity) else {
            return isUnknown(candidate, of: known, orSkipped: false)
        }
        return own.path == known.path && own.position.offset == 0 && !own.isSkipped
    }

    /// The server has nothing of the file of which this was taken for a copy, or other bytes: it is sent as what it is.
    mutating func settleMistaken(_ file: TailedFile, now: FileTime) {
        let record = file.record
        state.update(record)
        state.register(FileRecord(identity: file.identity, path: record.path, seenAt: now.seconds))
        if let own = state.record(of: file.identity) { file.stand(for: own) }
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

    /// Whether a known file may have bytes to send: it has, or somebody may still write to it. Judged as when it was delivered:
    /// otherwise each rotation would deliver those of a moment ago once more.
    private func isUnfinished(
        _ candidate: Predecessors.Candidate, _ record: FileRecord, _ known: FollowedPath, _ look: inout Look
    ) -> Bool {
        if candidate.status.size != record.position.offset { return true }
        state.touch(record, now: look.now.seconds)
        guard look.now.duration(since: candidate.status.modified) < known.selection.rotateWait else { return false }
        return look.predecessors.mayBeWritten(candidate)
    }

    /// Names that rotation gives to files of the path, of files that nothing is known of; `orSkipped`: or of which nothing
    /// was sent under the path.
    func unknown(
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
            let isUnsent =
                record.path == known.path && record.position.offset == 0 && known.first?.identity != record.identity
            return orSkipped && (record.isSkipped || record.path == candidate.path || isUnsent)
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
            guard let found = look.predecessors.find(record.identity, of: known.path) else {
                // What was written between the copy and the truncation is not in it, and the file itself is gone.
                if candidate.status.size <= record.position.offset, candidate.born > record.since ?? look.now,
                    look.predecessors.isBeginning(candidate, of: record.position.head)
                {
                    return true
                }
                continue
            }
            guard let file = look.predecessors.open(found)?.file else { continue }
            if look.predecessors.isCopy(candidate, of: file) { return true }
        }
        // A copy that was interrupted, and made once more before the file went.
        for file in known.all where file.isCopy {
            if look.predecessors.isCopy(candidate, of: try file.open()) { return true }
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
            // One that was seen with bytes and is empty is being truncated: its size tells of that before its time does.
            let isEmpty = status.size == 0 && leading.record.sizeSeen == 0
            guard !isSame || (isUnchanged && isEmpty) else { return false }
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
        if let startedAt, candidate.born >= startedAt {
            // With a state that is lost, the copy of what the present file held: the server is asked about that one first.
            if look.isFirst, let leading, try leading.mayBeCopied(by: candidate, isLeading: true) { return }
            return try addIfNew(candidate, of: known, leading, &look)
        }
        if isTooOld(candidate, known, look) { return }
        // What is in the file itself need not be asked about; it may be a copy that is being made for a truncation.
        if let leading, look.predecessors.isCopy(candidate, of: try leading.open()) { return }
        var record = freshRecord(candidate, known, look)
        record.isSkipped = true
        precede(known, with: candidate, record, &look)
    }

    /// The server has nothing of a rotated file that it was asked about. One that the patterns take themselves is sent
    /// under its own name; what another one holds is not sent. True: a look at everything is due, and finds the file.
    package mutating func settleUnknown(
        _ file: TailedFile, of known: FollowedPath, now: FileTime
    ) throws(FileError) -> Bool {
        if file.isCopy {
            settleMistaken(file, now: now)
            return false
        }
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

    func isTooOld(_ candidate: Predecessors.Candidate, _ known: FollowedPath, _ look: Look) -> Bool {
        guard let ignoreOlder = known.selection.ignoreOlder else { return false }
        return look.now.duration(since: candidate.status.modified) > ignoreOlder
    }

    func freshRecord(
        _ candidate: Predecessors.Candidate, _ known: FollowedPath, _ look: Look
    ) -> FileRecord {
        FileRecord(
            identity: candidate.identity, path: known.path, sizeSeen: candidate.status.size, seenAt: look.now.seconds)
    }

    /// Nil where the file is gone by now.
    @discardableResult
    mutating func precede(
        _ known: FollowedPath, with candidate: Predecessors.Candidate, _ record: FileRecord,
        before next: TailedFile? = nil, _ look: inout Look
    ) -> TailedFile? {
        guard let (candidate, handle) = look.predecessors.open(candidate) else { return nil }
        let file = tailedFile(handle, candidate.identity, at: candidate.path, record)
        known.precede(with: file, before: next, now: look.now)
        owners[candidate.identity] = known
        locations[candidate.path] = known
        if record.identity == candidate.identity { state.register(record) }
        return file
    }
}
