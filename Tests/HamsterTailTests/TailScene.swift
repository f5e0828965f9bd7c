import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting

/// A client without a network: real files, a real catalogue, and a server that is a dictionary.
final class TailScene {
    struct ServerRecord {
        var position: SourcePosition
    }

    let directory: ScratchDirectory
    let fileSystem = InterruptedFileSystem()
    private(set) var state: StateStore
    var catalogue: FileCatalogue
    private(set) var lost: UInt64 = 0
    private var outputs: [SourcePath: [UInt8]] = [:]
    private var records: [FileToken: ServerRecord] = [:]
    private let selection: FileSelection
    private let filesMax: Int
    private var isRescanWanted = false
    /// Nothing that the server says after a stream is open reaches the client.
    private var isUnacknowledged = false

    /// Paths of `patterns` are below the scene's directory.
    init(_ patterns: String..., filesMax: Int = 100, _ configure: (inout FileSelection) -> Void = { _ in }) throws {
        directory = try ScratchDirectory()
        var selection = FileSelection(patterns: patterns.compactMap { [directory] in PathPattern(directory($0)) })
        selection.rotateWait = .zero
        configure(&selection)
        self.selection = selection
        self.filesMax = filesMax
        state = StateStore(inMemory: fileSystem)
        catalogue = Self.catalogue(selection, state, filesMax, fileSystem)
    }

    private static func catalogue(
        _ selection: FileSelection, _ state: StateStore, _ filesMax: Int, _ fileSystem: any FileSystem
    ) -> FileCatalogue {
        FileCatalogue([selection], state: state, fileSystem: fileSystem, budget: OpenFileBudget(filesMax: filesMax))
    }

    /// Writes a whole file, which is older than all that are made later.
    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try directory.write(name, bytes)
        try directory.waitUntilOlder(name)
    }

    /// The client is started anew; nothing that was not in the state is known.
    func restart(losingState: Bool = false) { restart(with: losingState ? [] : state.records) }

    /// The client was killed before its state was on disk once more: it has the one that it had earlier.
    func restart(with records: [FileRecord]) {
        state = StateStore(inMemory: LinuxFileSystem())
        for record in records { state.update(record) }
        catalogue = Self.catalogue(selection, state, filesMax, fileSystem)
    }

    /// What the server has for a path of the scene's directory.
    func output(_ name: String) -> String {
        String(decoding: outputs[SourcePath(directory(name))] ?? [], as: UTF8.self)
    }

    var outputNames: [String] {
        outputs.filter { !$0.value.isEmpty }.keys.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }

    /// Looks at everything and sends until nothing is left; `unreachable` looks only. `lookedAt` is when the look began.
    func settle(unreachable: Bool = false, lookedAt: FileTime = .now) throws {
        lost += catalogue.scan(now: lookedAt).lost.reduce(0) { $0 + $1.byteCount }
        guard !unreachable else { return }
        for path in catalogue.paths.sorted(by: { $0.path < $1.path }) { try ship(path) }
        if isRescanWanted {
            isRescanWanted = false
            try settle()
        }
    }

    /// As ``settle(unreachable:lookedAt:)``, but no acknowledgement arrives: the server has what the client only began to send.
    func settleUnacknowledged() throws {
        isUnacknowledged = true
        defer { isUnacknowledged = false }
        try settle()
    }

    /// Tells of names as inotify would, and sends.
    func notice(_ names: String..., changes: DirectoryChanges = [.created]) throws {
        let events = names.map { (path: SourcePath(directory($0)), changes: changes) }
        let growth = catalogue.growth(from: events).map { (changes: $0, isEverythingTold: true) }
        let (changes, isEverythingTold) = growth ?? catalogue.look(at: events, now: .now)
        guard isEverythingTold else { return try settle() }
        for path in changes.found + changes.changed { try ship(path) }
    }

    private func ship(_ path: FollowedPath) throws {
        var rounds = 0
        while let file = path.first {
            rounds += 1
            precondition(rounds < 1_000, "a path must come to rest")
            let step = try path.next(for: file, now: .now, lost: { lost += $0 })
            if step.isWithoutStream, try catalogue.isOverwritten(file, of: path, now: .now) {
                try send(file, of: path, isInquiry: true)
                continue
            }
            switch step {
            case .wait: return
            case .ask: try send(file, of: path, isInquiry: true)
            case .delivered:
                if selection.deletesDelivered, try !catalogue.remove(file) { continue }
                _ = path.settle(file)
            case .startOver: lost += try catalogue.startOver(file, of: path, now: .now)
            case .send:
                try send(file, of: path)
                if isUnacknowledged { return }
            }
        }
    }

    private func send(_ file: TailedFile, of path: FollowedPath, isInquiry: Bool = false) throws {
        guard let token = file.record.token else { return }
        let known = records[token]?.position
        if file.record.isUnasked, known == nil {
            if try catalogue.settleUnknown(file, of: path, now: .now) { isRescanWanted = true }
            return
        }
        let start = known?.offset ?? file.record.position.offset
        let check = known?.tail.check(at: start)
        guard known != nil || !isInquiry, try start > 0 || !catalogue.isOverwritten(file, of: path, now: .now),
            let position = try file.position(at: start, check: check)
        else {
            lost += try catalogue.startOver(
                file, of: path, view: FileCatalogue.ServerView(offset: start, check: check), now: .now)
            return
        }
        var reader = SourceReader(from: position)
        state.update(file.resume(at: position, now: FileTime.now.seconds))
        while let request = reader.next(below: file.sizeLimit) {
            let bytes = try file.open().bytes(at: request.offset, count: request.byteCount)
            let startsAtBeginning = reader.startsAtBeginning
            guard case .batch(let overlap) = reader.accept(bytes.span.bytes) else { break }
            if startsAtBeginning, !file.isCopy {
                state.update(file.begin(with: Array(bytes.prefix(SourceHead.bytesMax))))
            }
            outputs[file.record.path, default: []] += bytes.dropFirst(overlap)
            records[token] = ServerRecord(position: reader.position)
            if isUnacknowledged { continue }
            state.update(file.acknowledge(reader.position, now: FileTime.now.seconds))
        }
        file.setMustAnnounce(false)
    }
}
