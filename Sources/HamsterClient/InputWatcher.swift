internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterState
internal import HamsterTail
internal import Logging
internal import NIOPosix
internal import Synchronization

/// Notices when files of the inputs come, change and go, and keeps one shipper a path going. Lives in one task; file
/// work is done on the thread pool.
struct InputWatcher {
    /// A look at everything, for what inotify(7) can't tell: network file systems, a queue that overflowed.
    private static let rescanInterval: Duration = .seconds(30)
    /// With very many files it comes less often: in pauses of so many lengths of such a look, but not rarer than that.
    private static let rescanFactor = 1_000
    private static let rescanIntervalMax: Duration = .seconds(300)
    /// The least pause between two looks at everything that events ask for, in lengths of such a look: directories that
    /// come and go all the time must not keep a core busy.
    private static let pauseFactor = 10
    /// How many problems are remembered, so as not to be told again.
    private static let reportedMax = 10_000

    private let environment: ShippingEnvironment
    private let shippers: ShipperTable
    private let logger: Logger
    private var reported: Set<FileError> = []
    /// Inputs of which it was told that they match nothing yet.
    private var missing: Set<Int> = []
    /// Shippers of paths that were dropped by a reload: the next one of such a path waits for their end.
    private var leaving: [SourcePath: PathShipper] = [:]

    init(environment: ShippingEnvironment, shippers: ShipperTable) {
        self.environment = environment
        self.shippers = shippers
        logger = environment.logger
    }

    /// Runs a shipper until it rests or ends, after the end of another one where there is one.
    typealias Start = (PathShipper, _ predecessor: PathShipper?) -> Void

    /// Looks once, then follows changes until cancellation; returns after the first look where nothing is followed.
    /// `start` is called with each new shipper, and again with those that rested.
    mutating func run(start: Start) async throws(FileError) {
        let isWatching = environment.configuration.inputs.contains { $0.files.method.isWatching }
        let signal = environment.rescan
        let watches = isWatching ? WatchedDirectories(try DirectoryWatch { signal.wake() }) : nil
        defer { watches?.close() }
        let alarm = WakeAlarm { signal.wake() }
        defer { alarm.cancel() }
        var duration = await scan(watches, start)
        environment.phase.hasLooked()
        guard let watches else { return }
        var scannedAt = ContinuousClock.now
        var dueAt = scannedAt + Self.pause(after: duration)
        while !Task.isCancelled {
            environment.phase.ofLooks.answer()
            if await reload(start) { dueAt = .now }
            alarm.set(for: dueAt)
            await signal.wait()
            let isEverythingTold = await look(at: watches.events(), start)
            if environment.rescan.take() || !isEverythingTold {
                dueAt = min(dueAt, scannedAt + duration * Self.pauseFactor)
            }
            guard ContinuousClock.now >= dueAt else { continue }
            duration = await scan(watches, start)
            scannedAt = .now
            dueAt = scannedAt + Self.pause(after: duration)
        }
    }

    private static func pause(after duration: Duration) -> Duration {
        min(max(rescanInterval, duration * rescanFactor), rescanIntervalMax)
    }

    /// Returns how long it took.
    private mutating func scan(_ watches: WatchedDirectories?, _ start: Start) async -> Duration {
        let begin = ContinuousClock.now
        leaving = leaving.filter { !$0.value.hasEnded }
        watches?.beginScan()
        let catalogue = environment.catalogue
        let looked = try? await environment.threadPool.runIfActive {
            (catalogue.scan { watches?.add($0) ?? false }, watches?.endScan() ?? [], catalogue.missing)
        }
        // Nil: the client has stopped.
        guard let (changes, problems, missing) = looked else { return .zero }
        await apply(changes, start)
        report(problems)
        report(missing: missing)
        return .now - begin
    }

    /// False: everything has to be looked at.
    private mutating func look(at events: WatchedDirectories.Events, _ start: Start) async -> Bool {
        let (isIncomplete, events) = (events.isIncomplete, events.paths)
        guard !events.isEmpty else { return !isIncomplete }
        let catalogue = environment.catalogue
        // The way of nearly all events: a line is on its way before a thread of the pool would have woken up.
        if let growth = catalogue.growth(from: events) {
            await apply(growth, start)
            return !isIncomplete
        }
        let looked = try? await environment.threadPool.runIfActive { catalogue.look(at: events) }
        // Nil: the client has stopped.
        guard let (changes, isEverythingTold) = looked else { return true }
        await apply(changes, start)
        return isEverythingTold && !isIncomplete
    }

    private mutating func apply(_ changes: FileCatalogue.Changes, _ start: Start) async {
        report(changes.problems)
        if !changes.found.isEmpty { await save() }
        // First: a path may be in both lists.
        for path in changes.finished {
            if let shipper = shippers[path.path], shipper.path.followed === path {
                shippers.remove(path.path)
                if shipper.retire() { start(shipper, nil) }
            }
        }
        for path in changes.found {
            let shipper = PathShipper(path, environment: environment)
            shippers.set(shipper, for: path.path)
            start(shipper, leaving.removeValue(forKey: path.path))
        }
        for path in changes.found + changes.changed {
            for file in path.all {
                environment.progress.found(file)
                if file.takeRotation() { noteRotation(of: path) }
            }
            if let shipper = shippers[path.path], shipper.wake() { start(shipper, nil) }
        }
        for (path, byteCount) in changes.lost {
            if let file = path.first { shippers[path.path]?.path.report(lost: byteCount, of: file) }
        }
    }

    private func noteRotation(of path: FollowedPath) {
        guard let shipper = shippers[path.path] else { return }
        environment.metrics.rotations[shipper.path.label, "rename"].add()
    }

    /// Puts a configuration in force that was laid ready. True: everything has to be looked at by it.
    private mutating func reload(_ start: Start) async -> Bool {
        guard let (old, new) = environment.live.advance() else { return false }
        let catalogue = environment.catalogue
        let selections = new.inputs.map(\.files)
        guard let dropped = try? await environment.threadPool.runIfActive({ catalogue.replaceSelections(selections) })
        else { return false }
        for path in dropped {
            guard let shipper = shippers.remove(path.path) else { continue }
            if shipper.stop() { start(shipper, nil) }
            leaving[path.path] = shipper
        }
        if !dropped.isEmpty {
            logger.notice(
                "paths are in no input any more, or by another method", metadata: ["paths": "\(dropped.count)"])
        }
        // They have other numbers now.
        missing = []
        let isSameClient = old.hostName == new.hostName && old.offersCompression == new.offersCompression
        for shipper in shippers.all {
            let (before, now) = (shipper.path.input, new.inputs[shipper.path.followed.input])
            shipper.path.update(now)
            if !isSameClient || !now.isAnnouncedLike(before) { shipper.reopen() }
        }
        return true
    }

    /// A path that is not in the state would be taken for one that this client has never seen, and what is rotated away
    /// from it for older than the client.
    private func save() async {
        let state = environment.state
        let saved = try? await environment.threadPool.runIfActive {
            Result { () throws(StateError) in try state.save() }
        }
        if case .failure(let error) = saved, environment.unsavedState.isDue() {
            logger.error("state not saved", metadata: ["reason": "\(error)"])
        }
    }

    /// One line an input: a path with a mistake in it is no error, since files may come later.
    private mutating func report(missing found: [(selection: Int, path: SourcePath)]) {
        let inputs = environment.configuration.inputs
        for (index, path) in found where missing.insert(index).inserted {
            logger.notice(
                "nothing matches an input yet",
                metadata: ["input": "\(inputs[index].label(at: index))", "reason": "\(path) does not exist"])
        }
    }

    /// One line a problem, not one a look.
    private mutating func report(_ problems: [FileError]) {
        if reported.count > Self.reportedMax { reported = [] }
        for problem in problems where reported.insert(problem).inserted {
            guard !problem.isOutOfDescriptors || environment.descriptorShortage.isDue() else { continue }
            logger.warning("cannot look at a file", metadata: ["reason": "\(problem)"])
        }
    }
}

/// The shippers by path. Any thread may use it.
final class ShipperTable: Sendable {
    private let shippers = Mutex<[SourcePath: PathShipper]>([:])

    subscript(path: SourcePath) -> PathShipper? { shippers.withLock { $0[path] } }

    var all: [PathShipper] { shippers.withLock { Array($0.values) } }

    func set(_ shipper: PathShipper, for path: SourcePath) { shippers.withLock { $0[path] = shipper } }

    @discardableResult
    func remove(_ path: SourcePath) -> PathShipper? { shippers.withLock { $0.removeValue(forKey: path) } }
}
