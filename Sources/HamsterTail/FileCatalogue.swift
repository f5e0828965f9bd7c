package import HamsterCore
package import HamsterFiles
package import HamsterState

/// Which files there are to send: what the selections find, what rotation has left behind, and in which order.
///
/// Keeps one ``FollowedPath`` a path. All methods look at files and block; one call at a time.
package struct FileCatalogue: Sendable {
    /// What a look has brought, each path once.
    package struct Changes: Sendable {
        /// Paths that have files for the first time.
        package internal(set) var found: [FollowedPath] = []
        /// Paths whose files may have grown, moved or become more.
        package internal(set) var changed: [FollowedPath] = []
        /// Paths that lead nowhere, and all of whose files are delivered: they are not in the catalogue any more.
        package internal(set) var finished: [FollowedPath] = []
        /// Bytes of paths that were seen and are in no file any more.
        package internal(set) var lost: [(path: FollowedPath, byteCount: UInt64)] = []
        /// What could not be looked at.
        package internal(set) var problems: [FileError] = []
    }

    /// A folder may be on a disk that is away for a while.
    static let forgetAfterDays: Int64 = 90

    var selections: [FileSelection]
    /// Selections that are looked at for the first time, later than the others.
    var freshSelections: Set<Int> = []
    let state: StateStore
    let fileSystem: any FileSystem
    let budget: OpenFileBudget
    var followed: [SourcePath: FollowedPath] = [:]
    /// Who follows a file, whatever its name; entries of delivered files go with the next scan.
    var owners: [FileIdentity: FollowedPath] = [:]
    /// Where rotated files are that are not delivered.
    var locations: [SourcePath: FollowedPath] = [:]
    /// Where links lead, and by which links a file is found.
    var resolved: [SourcePath: SourcePath] = [:]
    private var links: [SourcePath: SourcePath] = [:]
    /// How many links are remembered.
    package var linkCount: Int { resolved.count }
    var forgotAt: FileTime?
    /// Directories as they were listed last, with the time of their last change by then.
    var listings: [SourcePath: (modified: FileTime, listing: DirectoryListing)] = [:]
    /// Files born before the first look were not written while this client looked.
    var startedAt: FileTime?

    /// Nothing is looked at yet.
    package init(
        _ selections: [FileSelection], state: StateStore, fileSystem: any FileSystem, budget: OpenFileBudget
    ) {
        self.selections = selections
        self.state = state
        self.fileSystem = fileSystem
        self.budget = budget
    }

    /// All paths that have files, in no particular order.
    package var paths: [FollowedPath] { Array(followed.values) }

    /// Looks at everything. `watch` is called with directories before their files are looked at, so that no change
    /// between the two is missed; it returns whether any of them was not watched before.
    package mutating func scan(now: FileTime, watch: (Set<SourcePath>) -> Bool = { _ in false }) -> Changes {
        let isFirst = startedAt == nil
        startedAt = startedAt ?? now
        var look = Look(now: now, isFirst: isFirst, Predecessors(fileSystem, resolved: resolved))
        var found: Set<SourcePath> = []
        var foundLinks: Set<SourcePath> = []
        for (index, scan) in scans(isFirst: isFirst, watch) {
            look.changes.problems += scan.problems
            note(links: scan.links)
            foundLinks.formUnion(scan.links.keys)
            for (path, status) in scan.files.sorted(by: { $0.value.modified < $1.value.modified })
            where !selections[index].excludes(path) && found.insert(path).inserted {
                look.files.append((path, status, index))
            }
        }
        look.predecessors = Predecessors(fileSystem, resolved: resolved)
        // A rotated name makes sense only once it is known whether the path before its rotation is followed.
        let isRotated = { (path: SourcePath) in
            RotatedName.base(of: path.name).map { found.contains(path.directory.appending($0)) } ?? false
        }
        for (path, status, index) in look.files where !isRotated(path) { observe(path, status, index, &look) }
        for (path, status, index) in look.files where isRotated(path) { observe(path, status, index, &look) }
        let missing = followed.keys.filter { !found.contains($0) }
        for path in missing.sorted() where isGone(path, &look) { abandon(path, &look) }
        if isFirst { resumeVanished(found, &look) }
        owners = owners.filter { identity, owner in owner.file(identity) != nil }
        locations = locations.filter { path, owner in owner.all.contains { $0.location == path } }
        forgetGone(&look)
        // Links come and go, with each container of a host.
        resolved = resolved.filter { link, _ in foundLinks.contains(link) || followed[link] != nil }
        links = links.filter { file, link in resolved[link] == file }
        freshSelections = []
        return look.result
    }

    /// The paths that have grown, where events tell of nothing else: looks at no file, and doesn't block. Nil: a look is due.
    package func growth(from events: [(path: SourcePath, changes: DirectoryChanges)]) -> Changes? {
        var (changes, told): (Changes, Set<ObjectIdentifier>) = (Changes(), [])
        for event in events {
            guard let path = grown(event) else { return nil }
            if told.insert(ObjectIdentifier(path)).inserted { changes.changed.append(path) }
        }
        return changes
    }

    private func grown(_ event: (path: SourcePath, changes: DirectoryChanges)) -> FollowedPath? {
        guard event.changes.isSubset(of: [.modified, .closedWrite]) else { return nil }
        let path = known(event.path)
        return followed[path] ?? locations[path]
    }

    /// Under which name a file is looked at: a link that was found beside a name of its own may be gone by now.
    private func known(_ path: SourcePath) -> SourcePath {
        followed[path] == nil && locations[path] == nil ? links[path] ?? path : path
    }

    /// Looks at what events tell of. Not everything told: events of directories can't tell what is in these, and everything
    /// has to be looked at.
    package mutating func look(
        at events: [(path: SourcePath, changes: DirectoryChanges)], now: FileTime
    ) -> (changes: Changes, isEverythingTold: Bool) {
        var look = Look(now: now, isFirst: false, Predecessors(fileSystem, resolved: resolved))
        var isEverythingTold = true
        var statuses: [(path: SourcePath, status: Result<FileStatus?, FileError>)] = []
        for event in events {
            guard !event.changes.contains(.isDirectory) else {
                isEverythingTold = false
                continue
            }
            if let known = grown(event) {
                look.changed(known)
            } else {
                let path = known(event.path)
                // Of all paths before any directory is listed: see ``followNext(_:_:_:)``.
                statuses.append((path, Result { () throws(FileError) in try fileSystem.status(of: path) }))
            }
        }
        for (path, status) in statuses { self.look(at: path, status, &look) }
        return (look.result, isEverythingTold)
    }
}

/// One look at some or all files, and what it brings.
struct Look {
    /// Files that take another's place while they are opened are looked at again as often as this in all.
    static let replacementsMax = 1_000

    let now: FileTime
    let isFirst: Bool
    var predecessors: Predecessors
    /// How often a path led to another file when it was opened than when it was looked at.
    var replacements = 0
    var changes = FileCatalogue.Changes()
    var files: [(path: SourcePath, status: FileStatus, selection: Int)] = []
    /// Paths that are among the changes.
    private var told: Set<ObjectIdentifier> = []

    init(now: FileTime, isFirst: Bool, _ predecessors: Predecessors) {
        self.now = now
        self.isFirst = isFirst
        self.predecessors = predecessors
    }

    var result: FileCatalogue.Changes {
        var result = changes
        result.problems += predecessors.problems
        return result
    }

    mutating func found(_ path: FollowedPath) {
        if told.insert(ObjectIdentifier(path)).inserted { changes.found.append(path) }
    }

    mutating func changed(_ path: FollowedPath) {
        if told.insert(ObjectIdentifier(path)).inserted { changes.changed.append(path) }
    }
}

// MARK: - Looking

extension FileCatalogue {
    /// What each selection finds, again where a directory was not watched while it was listed.
    private func scans(
        isFirst: Bool, _ watch: (Set<SourcePath>) -> Bool
    ) -> [(index: Int, scan: DirectoryScan)] {
        var scans: [(Int, DirectoryScan)] = []
        for (index, selection) in selections.enumerated()
        where isFirst || selection.method.isWatching || freshSelections.contains(index) {
            var scan = DirectoryScan(selection.patterns, fileSystem: fileSystem)
            if selection.method.isWatching, watch(scan.directories) {
                scan = DirectoryScan(selection.patterns, fileSystem: fileSystem)
                _ = watch(scan.directories)
            }
            scans.append((index, scan))
        }
        return scans
    }

    /// Whether a path that was not found leads nowhere: a directory that can't be listed at present takes no file away.
    private func isGone(_ path: SourcePath, _ look: inout Look) -> Bool {
        do throws(FileError) {
            return try fileSystem.status(of: path)?.kind != .regular
        } catch {
            look.changes.problems.append(error)
            return false
        }
    }

    private mutating func note(links found: [SourcePath: SourcePath]) {
        for (link, file) in found {
            if let old = resolved.updateValue(file, forKey: link), old != file { links[old] = nil }
            links[file] = link
        }
    }

    private mutating func look(
        at path: SourcePath, _ status: Result<FileStatus?, FileError>, _ look: inout Look
    ) {
        do throws(FileError) {
            let status = try status.get()
            if let status, status.kind == .regular {
                locate(status.identity, at: path, &look)
                changeOriginal(of: path, status, &look)
            }
            guard let index = selections.firstIndex(where: { $0.method.isWatching && $0.takes(path) }) else { return }
            guard let status, status.kind == .regular else { return abandon(path, &look) }
            observe(path, status, index, &look)
        } catch {
            look.changes.problems.append(error)
        }
    }

    /// A file that nobody follows has appeared under a name as rotation gives it: a copy of the one that is followed, maybe.
    private func changeOriginal(of path: SourcePath, _ status: FileStatus, _ look: inout Look) {
        guard owners[status.identity] == nil, let base = RotatedName.base(of: path.name),
            let known = followed[path.directory.appending(base)]
        else { return }
        look.changed(known)
    }

    /// A followed file was seen under this name.
    private mutating func locate(_ identity: FileIdentity, at path: SourcePath, _ look: inout Look) {
        guard let owner = owners[identity], let file = owner.file(identity) else { return }
        file.locate(at: path)
        if owner.path != path { locations[path] = owner }
        look.changed(owner)
    }

    /// The path leads nowhere. Its last file is sent to its end; a path without files is forgotten.
    private mutating func abandon(_ path: SourcePath, _ look: inout Look) {
        guard let known = followed[path] else { return }
        rotate(known, &look)
        // Another file may have come and gone between two looks.
        addPredecessors(ofVanished: known, &look)
        guard known.all.isEmpty else {
            look.changed(known)
            return
        }
        followed[path] = nil
        look.changes.finished.append(known)
    }

    /// The path leads elsewhere: the file that it led to is looked for under its new name.
    private mutating func rotate(_ known: FollowedPath, _ look: inout Look) {
        guard let file = known.leading else { return }
        known.leadNowhere(now: look.now)
        guard let found = look.predecessors.find(file.identity, of: known.path) else { return }
        file.locate(at: found.path)
        if found.path != known.path { locations[found.path] = known }
    }

    private mutating func observe(_ path: SourcePath, _ status: FileStatus, _ index: Int, _ look: inout Look) {
        if let known = followed[path], known.leads(to: status.identity) {
            // It may have been seen under another name, which may be gone.
            known.leading?.locate(at: path)
            if let file = known.leading, known.first !== file { file.noteSeen(status.size) }
            // One of which nothing is sent may have been truncated, and be empty now.
            let isUnsent = known.first?.acknowledged == 0
            if isUnsent || known.first?.acknowledged != status.size || known.all.count > 1 { look.changed(known) }
            return
        }
        if let owner = owners[status.identity], let file = owner.file(status.identity) {
            // A renamed file goes on under its old path; a second name of a file is not a second file.
            if owner.path != path, let known = followed[path] { rotate(known, &look) }
            if owner.path == path, owner.leading == nil { file.markReturned() }
            file.locate(at: path)
            return look.changed(owner)
        }
        let record = state.record(of: status.identity)
        guard isWorthwhile(path, status, record, selections[index], &look) else { return }
        follow(path, status, record, index, &look)
    }

    /// Whether a file that is not followed has anything to send.
    private func isWorthwhile(
        _ path: SourcePath, _ status: FileStatus, _ record: FileRecord?, _ selection: FileSelection,
        _ look: inout Look
    ) -> Bool {
        if let record {
            // Delivered under another name before its rotation: not sent again as long as it is there.
            if record.path == path || record.position.offset != status.size { return true }
            state.touch(record, now: look.now.seconds)
            return false
        }
        if isPredecessor(Predecessors.Candidate(path: path, status: status), selection, &look) { return false }
        guard let ignoreOlder = selection.ignoreOlder else { return true }
        return look.now.duration(since: status.modified) <= ignoreOlder
    }

    /// Whether a file that matches the patterns itself was rotated away from a path that is known: then it belongs there.
    private func isPredecessor(
        _ candidate: Predecessors.Candidate, _ selection: FileSelection, _ look: inout Look
    ) -> Bool {
        guard selection.method.hasPredecessors, let base = RotatedName.base(of: candidate.path.name) else {
            return false
        }
        let original = candidate.path.directory.appending(base)
        guard let known = followed[original] else { return !state.records(of: original).isEmpty }
        return !isFileOfItsOwn(candidate, beside: known, &look)
    }

    /// `seen`: what the path led to before directories were listed for this look.
    private mutating func follow(
        _ path: SourcePath, _ seen: FileStatus, _ record: FileRecord?, _ index: Int, _ look: inout Look
    ) {
        do throws(FileError) {
            let file = try tailedFile(path, record, index, look)
            guard file.identity == seen.identity else { return try followNext(path, index, &look) }
            // A file is sent under the path that it had first, by that path's one shipper: two of them would tear the
            // output apart.
            let source = selections[index].method == .close ? path : file.record.path
            let known = followedPath(source, index, &look)
            var isContinued = try file.isContinued()
            // Without a record nothing is known that the file could have held before.
            if isContinued, record != nil { isContinued = try !isOverwritten(file, of: known, &look) }
            if source == path {
                rotate(known, &look)
                let problemCount = look.predecessors.problems.count
                try addPredecessors(of: known, leading: file, isContinued: isContinued, &look)
                // Nobody asks for them again once the younger one is known: it waits for the next look.
                try look.predecessors.requireDescriptors(since: problemCount)
                known.lead(to: file, now: look.now)
            } else {
                known.precede(with: file, now: look.now)
                locations[path] = known
            }
            owners[file.identity] = known
            state.register(file.record)
            // Else its shipper asks the server before anything is decided.
            if source == path, !isContinued, !file.isKnownToServerAlone {
                let byteCount = try startOver(file, of: known, nil, &look)
                if byteCount > 0 { look.changes.lost.append((known, byteCount)) }
            }
        } catch {
            if !error.isMissing { look.changes.problems.append(error) }
        }
    }

    /// The path led to another file when it was opened: what was decided about the first one is not true of it.
    ///
    /// The first one was rotated away, and a listing may not have its new name yet: once the younger one is known nothing
    /// would ask for it any more.
    private mutating func followNext(_ path: SourcePath, _ index: Int, _ look: inout Look) throws(FileError) {
        look.predecessors.forgetListings()
        look.replacements += 1
        // Events tell of what moves on even then.
        guard look.replacements <= Look.replacementsMax, let status = try fileSystem.status(of: path),
            status.kind == .regular
        else { return }
        observe(path, status, index, &look)
    }

    private mutating func followedPath(_ path: SourcePath, _ index: Int, _ look: inout Look) -> FollowedPath {
        if let known = followed[path] {
            look.changed(known)
            return known
        }
        let known = FollowedPath(path: path, selection: selections[index], input: index)
        followed[path] = known
        look.found(known)
        return known
    }

    private func tailedFile(
        _ path: SourcePath, _ record: FileRecord?, _ index: Int, _ look: Look
    ) throws(FileError) -> TailedFile {
        let handle = try fileSystem.open(path)
        let status = try handle.status()
        let known = record?.identity == status.identity ? record : nil
        let record = known ?? FileRecord(identity: status.identity, path: path, seenAt: look.now.seconds)
        let file = tailedFile(handle, status.identity, at: path, record)
        if selections[index].method == .once {
            file.limit(to: status.size)
            file.setMustAnnounce(true)
        } else if known == nil, look.isFirst || freshSelections.contains(index), selections[index].start == .end,
            state.records(of: path).isEmpty
        {
            _ = file.resume(at: try file.position(at: status.size), now: look.now.seconds)
        }
        return file
    }

    func tailedFile(
        _ handle: any ReadableFile, _ identity: FileIdentity, at path: SourcePath, _ record: FileRecord
    ) -> TailedFile {
        TailedFile(handle, identity: identity, at: path, record: record, fileSystem: fileSystem, budget: budget)
    }
}

// MARK: - Delivered files

extension FileCatalogue {
    /// Removes a file that is delivered. False: it has changed, and is not removed. One that is gone already is fine.
    package func remove(_ file: TailedFile) throws(FileError) -> Bool {
        let record = file.record
        // What was skipped is at no server.
        guard !record.isSkipped else { return true }
        guard try file.status().size == record.position.offset else { return false }
        if let owner = owners[file.identity], owner.selection.method != .close,
            try fileSystem.status(of: owner.path)?.identity == file.identity
        {
            // It only seemed to be gone from its path.
            file.markReturned()
            return false
        }
        guard try file.open().hasWriter() != true else { return false }
        var predecessors = Predecessors(fileSystem, resolved: resolved)
        let location = file.location
        guard try fileSystem.status(of: location)?.identity == file.identity else {
            // Renamed since: looked for once more under another name.
            guard let found = predecessors.find(file.identity, of: location) else { return true }
            file.locate(at: found.path)
            return false
        }
        try fileSystem.remove(location)
        return true
    }
}
