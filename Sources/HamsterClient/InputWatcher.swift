internal import HamsterCore
internal import HamsterFiles
internal import HamsterState
internal import HamsterTail
internal import Logging

/// Finds the files of all inputs, notices when they change, and keeps one shipper a path going.
///
/// Lives in one task. Directories are watched, not files: a watch on a file follows the inode and would miss a rotation.
struct InputWatcher {
    /// A look at everything, for what inotify(7) can't tell: network file systems, a queue that overflowed.
    private static let rescanInterval: Duration = .seconds(30)
    /// Files that were not seen for so long are forgotten.
    private static let forgetAfterSeconds: Int64 = 90 * 24 * 3600

    private let inputs: [InputConfiguration]
    private let environment: PathShipper.Environment
    private let fileSystem: any FileSystem
    private let logger: Logger
    private var shippers: [SourcePath: PathShipper] = [:]
    /// Who follows a file, whatever its name; entries of delivered files go with the next scan.
    private var owners: [FileIdentity: PathShipper] = [:]
    private var watched: [SourcePath: Int32] = [:]
    private var directories: [Int32: SourcePath] = [:]
    private var reported: Set<FileError> = []

    init(environment: PathShipper.Environment, fileSystem: any FileSystem) {
        inputs = environment.configuration.inputs
        self.environment = environment
        self.fileSystem = fileSystem
        logger = environment.logger
    }

    /// Looks once, then follows changes until cancellation; returns after the first look where nothing is followed.
    /// `start` is called with each new shipper.
    mutating func run(start: (PathShipper) -> Void) async throws(FileError) {
        let isWatching = inputs.contains { $0.method != .once }
        let watch = isWatching ? try DirectoryWatch() : nil
        defer { watch?.close() }
        scan(isFirst: true, watch, start)
        // Files that are there were seen just now.
        environment.state.forget(notSeenSince: FileTime.now.seconds - Self.forgetAfterSeconds)
        guard let watch else { return }
        var nextScan = ContinuousClock.now + Self.rescanInterval
        while !Task.isCancelled {
            let events = await Self.events(of: watch, until: nextScan)
            var needsScan = ContinuousClock.now >= nextScan
            for event in events { needsScan = handle(event, start) || needsScan }
            guard needsScan else { continue }
            scan(isFirst: false, watch, start)
            nextScan = .now + Self.rescanInterval
        }
    }

    private static func events(of watch: DirectoryWatch, until deadline: ContinuousClock.Instant) async
        -> [DirectoryEvent]
    {
        await withTaskGroup(of: [DirectoryEvent]?.self) { group in
            group.addTask { await watch.next() }
            group.addTask {
                // A cancelled sleep means that events came first.
                try? await Task.sleep(until: deadline, clock: .continuous)
                return nil
            }
            defer { group.cancelAll() }
            return (await group.next() ?? nil) ?? []
        }
    }
}

extension InputWatcher {
    private mutating func scan(isFirst: Bool, _ watch: DirectoryWatch?, _ start: (PathShipper) -> Void) {
        var directories: Set<SourcePath> = []
        var found: Set<SourcePath> = []
        for input in inputs where isFirst || input.method != .once {
            let scan = DirectoryScan(input.patterns, fileSystem: fileSystem)
            report(scan.problems)
            directories.formUnion(scan.directories)
            // Watched before it is looked at: a change in between is seen twice, never missed.
            if let watch, input.method != .once { follow(scan.directories, watch) }
            for (path, status) in scan.files.sorted(by: { $0.value.modified < $1.value.modified })
            where !input.excludes(path) && found.insert(path).inserted {
                observe(path, status, input, isFirst: isFirst, start)
            }
        }
        for (path, shipper) in shippers where !found.contains(path) { abandon(path, shipper) }
        owners = owners.filter { identity, _ in isFollowed(identity) }
        if let watch { forget(directories, watch) }
    }

    /// Returns whether everything has to be looked at again.
    private mutating func handle(_ event: DirectoryEvent, _ start: (PathShipper) -> Void) -> Bool {
        guard !event.changes.contains(.overflow), !event.changes.contains(.selfGone),
            let directory = event.directory.flatMap({ directories[$0] })
        else { return true }
        if event.changes.contains(.isDirectory) { return true }
        let path = directory.appending(event.name)
        let onlyModified: DirectoryChanges = [.modified, .closedWrite]
        if event.changes.isSubset(of: onlyModified), let shipper = shippers[path] {
            shipper.wake()
            return false
        }
        guard let input = input(for: path) else { return false }
        look(at: path, input, start)
        return false
    }

    private mutating func look(at path: SourcePath, _ input: InputConfiguration, _ start: (PathShipper) -> Void) {
        do throws(FileError) {
            guard let status = try fileSystem.status(of: path), status.kind == .regular else {
                if let shipper = shippers[path] { abandon(path, shipper) }
                return
            }
            observe(path, status, input, isFirst: false, start)
        } catch {
            report([error])
        }
    }

    private func input(for path: SourcePath) -> InputConfiguration? {
        inputs.first { input in
            input.method != .once && input.patterns.contains { $0.matches(path) } && !input.excludes(path)
        }
    }

    /// The path leads nowhere. Its last file is sent to its end; a path without files is forgotten.
    private mutating func abandon(_ path: SourcePath, _ shipper: PathShipper) {
        shipper.followed.leadNowhere(now: .now)
        if shipper.followed.all.isEmpty {
            shippers[path] = nil
            shipper.retire()
        } else {
            shipper.wake()
        }
    }

    private mutating func observe(
        _ path: SourcePath, _ status: FileStatus, _ input: InputConfiguration, isFirst: Bool,
        _ start: (PathShipper) -> Void
    ) {
        if let shipper = shippers[path], shipper.followed.leads(to: status.identity) {
            if shipper.followed.first?.acknowledged != status.size { shipper.wake() }
            return
        }
        // A renamed file goes on under its old path; a second name of a file is not a second file.
        guard !isFollowed(status.identity), isWorthwhile(path, status, input) else { return }
        do throws(FileError) {
            let file = try tailedFile(path, input, isFirst: isFirst)
            // A file is sent under the path that it had first, by that path's one shipper: two of them would tear the
            // output apart.
            let source = file.record.path
            let shipper =
                shippers[source]
                ?? PathShipper(FollowedPath(path: source), input: input, environment: environment)
            environment.progress.found(file.identity, size: status.size)
            if source == path {
                shipper.followed.lead(to: file, now: .now)
            } else {
                shipper.followed.precede(with: file, now: .now)
            }
            owners[file.identity] = shipper
            if shippers.updateValue(shipper, forKey: source) == nil { start(shipper) } else { shipper.wake() }
        } catch {
            report([error])
        }
    }

    private func isFollowed(_ identity: FileIdentity) -> Bool {
        owners[identity]?.followed.all.contains { $0.identity == identity } ?? false
    }

    /// Whether a file that is not followed has anything to send.
    private func isWorthwhile(_ path: SourcePath, _ status: FileStatus, _ input: InputConfiguration) -> Bool {
        if let record = environment.state.record(of: status.identity) {
            if record.path == path || record.offset != status.size { return true }
            // Delivered under another name before its rotation: not sent again as long as it is there.
            refresh(record)
            return false
        }
        guard let ignoreOlder = input.ignoreOlder else { return true }
        return status.modified.nanoseconds >= FileTime.now.nanoseconds - ignoreOlder.nanosecondsClamped
    }

    private func refresh(_ record: FileRecord) {
        let now = FileTime.now.seconds
        guard now - record.seenAt > 86_400 else { return }
        var record = record
        record.seenAt = now
        environment.state.update(record)
    }

    private func tailedFile(
        _ path: SourcePath, _ input: InputConfiguration, isFirst: Bool
    ) throws(FileError) -> TailedFile {
        let open = try fileSystem.open(path)
        let status = try open.status()
        let limit = input.method == .once ? status.size : nil
        let now = FileTime.now.seconds
        if let record = environment.state.record(of: status.identity) {
            let file = TailedFile(file: open, record: record, sizeLimit: limit)
            environment.state.update(file.seen(now: now))
            if try file.continuity(at: record.offset, tail: record.tail) == .replaced {
                environment.state.update(file.startOver(size: status.size, now: now))
            }
            return file
        }
        let fresh = FileRecord(identity: status.identity, path: path, seenAt: now)
        let file = TailedFile(file: open, record: fresh, sizeLimit: limit)
        if isFirst, input.start == .end {
            let record = file.resume(at: status.size, tail: try file.tail(before: status.size), now: now)
            environment.state.update(record)
        }
        return file
    }
}

extension InputWatcher {
    private mutating func follow(_ wanted: Set<SourcePath>, _ watch: DirectoryWatch) {
        for directory in wanted {
            do throws(FileError) {
                // Each time: the same directory gives the same number, a new one under the old name another.
                let number = try watch.add(directory)
                if let old = watched.updateValue(number, forKey: directory), old != number { directories[old] = nil }
                directories[number] = directory
            } catch {
                // The rescan goes on looking at it.
                if !error.isMissing { report([error]) }
            }
        }
    }

    private mutating func forget(_ wanted: Set<SourcePath>, _ watch: DirectoryWatch) {
        for (directory, number) in watched where !wanted.contains(directory) {
            watch.remove(number)
            watched[directory] = nil
            directories[number] = nil
        }
    }

    /// One line a problem, not one a look.
    private mutating func report(_ problems: [FileError]) {
        for problem in problems where reported.insert(problem).inserted {
            logger.warning("cannot look at a file", metadata: ["reason": "\(problem)"])
        }
    }
}

extension Duration {
    /// Whole nanoseconds, at most what Int64 holds.
    var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + attoseconds / 1_000_000_000
    }
}
