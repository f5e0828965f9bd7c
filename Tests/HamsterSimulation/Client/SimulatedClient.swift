import HamsterClient
import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting

/// The client's process: the real state, catalogue and machines, with the schedule in place of tasks and event loops.
final class SimulatedClient {
    struct Configuration {
        let host: String
        var selection: FileSelection
        var settings: FileTransfer.Settings
        var openFilesMax: Int
        /// In nanoseconds. The state may be far behind what was acknowledged, or hardly.
        var saveInterval: Int64

        init(_ random: inout SeededGenerator, host: String) {
            self.host = host
            let patterns = random.pick([["/var/log/app.log", "/var/log/db.log"], ["/var/log/*.log"]])
            selection = FileSelection(patterns: patterns.compactMap { PathPattern($0) })
            settings = FileTransfer.Settings(
                chunkBytesMin: random.pick([1, 200]), flushInterval: random.pick([.milliseconds(10), .seconds(1)]),
                closeIdle: random.pick([.milliseconds(500), .seconds(300)]))
            openFilesMax = 100
            saveInterval = random.pick([0, 1_000_000_000])
        }
    }

    private static let rescanInterval: Int64 = 30_000_000_000

    private let world: World
    private let fileSystem: SimulatedFileSystem
    private let configuration: Configuration
    private let state: StateStore
    private var catalogue: FileCatalogue
    private var shippers: [PathDriver] = []
    private var events: [(path: SourcePath, changes: DirectoryChanges)] = []
    private var isWatching = false
    private var scannedAt: Int64?
    private var savedAt: Int64 = 0
    var onLoss: (SourcePath, UInt64) -> Void = { _, _ in }
    var onAcknowledgement: (Int, UInt64) -> Void = { _, _ in }

    var onSave: ([(inode: UInt64, position: SourcePosition)]) -> Void = { _ in }
    var onFirstLook: () -> Void = {}

    init(
        _ world: World, _ fileSystem: SimulatedFileSystem, _ configuration: Configuration
    ) throws(StateError) {
        self.world = world
        self.fileSystem = fileSystem
        self.configuration = configuration
        state = try StateStore(directory: ClientMachine.stateDirectory, fileSystem: fileSystem)
        catalogue = FileCatalogue(
            [configuration.selection], state: state, fileSystem: fileSystem,
            budget: OpenFileBudget(filesMax: configuration.openFilesMax))
    }

    /// What is known of files, for the trace.
    var known: String {
        state.records.map { "\($0.token?.text ?? "-")@\($0.position.offset)\($0.isSkipped ? " skipped" : "")" }.sorted()
            .joined(separator: ", ")
    }

    func knows(_ path: SourcePath) -> Bool { !state.records(of: path).isEmpty }

    /// What is known of a file, unless it is a copy that stands for another one.
    func record(of inode: SimulatedInode) -> FileRecord? {
        let files = shippers.lazy.flatMap { $0.followed.all }
        return files.first { $0.identity.inode == inode.number && $0.record.identity == $0.identity }?.record
    }

    private var positions: [(inode: UInt64, position: SourcePosition)] {
        shippers.flatMap { $0.followed.all.map { ($0.identity.inode, $0.record.position) } }
    }

    var summary: String { shippers.map(\.summary).joined(separator: "; ") }

    private var now: FileTime { fileSystem.disk.wall.now }

    /// One thing of all that it could do next.
    func act() {
        let isScanDue = scannedAt.map { world.clock.elapsed - $0 >= Self.rescanInterval } ?? true
        switch world.random.int(0...9) {
        case 0...1 where isScanDue || world.happens(10): scan()
        case 2...3 where !events.isEmpty: look()
        case 4...5 where world.clock.elapsed - savedAt >= configuration.saveInterval: save()
        default: if !shippers.isEmpty { world.random.pick(shippers).act() }
        }
    }

    /// All that it would have done after some time.
    func actFully() {
        if scannedAt.map({ world.clock.elapsed - $0 >= Self.rescanInterval }) ?? true { scan() }
        if !events.isEmpty { look() }
        for shipper in shippers { for _ in 0..<4 { shipper.act() } }
        if world.clock.elapsed - savedAt >= configuration.saveInterval { save() }
    }

    func noticed(_ path: SourcePath, _ changes: DirectoryChanges) {
        if isWatching { events.append((path, changes)) }
    }

    /// The kernel's queue was full: everything has to be looked at.
    func missedEvents() {
        if isWatching, scannedAt != nil { scannedAt = world.clock.elapsed - Self.rescanInterval }
    }

    func receive(_ event: SimulatedConnection.Event, on connection: Int) throws(SimulationFailure) {
        for shipper in shippers { try shipper.receive(event, on: connection) }
    }

    /// Connections are left as they are, and others opened: as after a time-out of the network's.
    func reconnect() { if !shippers.isEmpty { world.random.pick(shippers).loseConnection() } }

    func abandon() { for shipper in shippers { shipper.abandon() } }
}

extension SimulatedClient {
    private func save() {
        savedAt = world.clock.elapsed
        // Tried again a second later, as the service does.
        guard (try? state.save()) != nil, fileSystem.isAlive else { return }
        onSave(positions)
    }

    private func scan() {
        world.note("\(configuration.host): looks at everything")
        if scannedAt == nil { onFirstLook() }
        scannedAt = world.clock.elapsed
        events = []
        let isNew = !isWatching
        apply(
            catalogue.scan(now: now) { _ in
                defer { self.isWatching = true }
                return isNew && !self.isWatching
            })
        world.note("\(configuration.host): \(summary)")
    }

    private func look() {
        let events = self.events
        self.events = []
        world.note("\(configuration.host): looks at \(events.map { "\($0.path)" })")
        apply(catalogue.look(at: events, now: now).changes)
        world.note("\(configuration.host): \(summary)")
    }

    private func apply(_ changes: FileCatalogue.Changes) {
        for path in changes.found {
            shippers.append(
                PathDriver(
                    path,
                    PathDriver.Environment(
                        world: world, host: configuration.host, settings: configuration.settings,
                        fileSystem: fileSystem, state: state,
                        isOverwritten: { [unowned self] file, path throws(FileError) in
                            try catalogue.isOverwritten(file, of: path, now: now)
                        },
                        startOver: { [unowned self] file, path, view throws(FileError) in
                            try catalogue.startOver(file, of: path, view: view, now: now)
                        },
                        settleUnknown: { [unowned self] file, path throws(FileError) in
                            guard try catalogue.settleUnknown(file, of: path, now: now) else { return }
                            scannedAt = world.clock.elapsed - Self.rescanInterval
                        }, lost: { [unowned self, path = path.path] in onLoss(path, $0) },
                        acknowledged: { [unowned self] in onAcknowledgement($0, $1) })))
        }
        for path in changes.found + changes.changed { shippers.first { $0.followed === path }?.wake() }
        for (path, byteCount) in changes.lost { onLoss(path.path, byteCount) }
        for path in changes.finished {
            shippers.first { $0.followed === path }?.abandon()
            shippers.removeAll { $0.followed === path }
        }
    }
}
