package import HamsterCore
package import HamsterFiles
internal import Synchronization

/// Output files that get bytes appended, and a journal that says which of them count: after a crash at any moment each
/// output is as long as its journal record says, and each stream goes on from where its bytes in the output end.
///
/// All methods may be called from any thread. Those that block say so: they belong on a thread pool.
package final class Store: Sendable {
    /// What opening the store has found and mended, for the caller to log.
    package let recovery: StoreRecovery

    let configuration: StoreConfiguration
    let fileSystem: any FileSystem
    /// Unix seconds.
    let now: @Sendable () -> Int64
    /// Told of what befalls no single caller.
    let onFailure: @Sendable (StoreError) -> Void
    let onEvent: @Sendable (StoreEvent) -> Void
    let observation: StoreObservation
    let journal: Journal
    let table: Mutex<StoreTable>
    /// Held by the one commit that runs; true once the state directory may be another's.
    let commitTurn = Mutex(false)
    let commits = Mutex(StoreStatus.Commits())
    let uncommitted = Atomic<Int>(0)
    let commitIsRequested = Atomic<Bool>(false)
    let isStopping = Atomic<Bool>(false)
    /// Held by the one compaction that runs; true once the state directory may be another's.
    let compactionTurn = Mutex(false)
    /// Held while files that were put aside get or lose names; true once the directories may be another's.
    let namesTurn = Mutex(false)
    /// Nil: outputs may fill their file systems.
    let spaceFloor: SpaceFloor?
    let wakeups: StoreWakeups
    let turnQuestions = TurnQuestions()
    private let lock: any FileLock

    /// Locks the state directory, reads the journal and cuts outputs back to their recorded lengths. Blocks.
    ///
    /// `now` gives Unix seconds. `onFailure` is told of commits and compactions that failed and outputs that lost bytes,
    /// from any thread; `onEvent` of what was done without a caller.
    package init(
        _ configuration: StoreConfiguration, fileSystem: any FileSystem, now: @escaping @Sendable () -> Int64,
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in },
        onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in }
    ) throws(StoreError) {
        self.configuration = configuration
        self.fileSystem = fileSystem
        self.now = now
        let observation = StoreObservation()
        self.observation = observation
        self.onFailure = { error in
            observation.current?.failed(error)
            onFailure(error)
        }
        self.onEvent = onEvent
        spaceFloor = SpaceFloor(
            bytesMin: configuration.freeSpaceMin, interval: configuration.freeSpaceInterval, onEvent: onEvent)
        (lock, wakeups) = try Self.prepare(configuration, fileSystem)
        var recovery = StoreRecovery()
        journal = try Journal(configuration, fileSystem, now: now(), recovery: &recovery)
        let mustCut = OutputRecovery(configuration, fileSystem).run(journal.read { $0.outputs }, &recovery)
        recovery.streamCount = journal.read { $0.streamCount }
        self.recovery = recovery
        var table = StoreTable()
        table.mustCut = mustCut
        self.table = Mutex(table)
    }

    /// From now on the observer hears of what is done and what fails.
    package func observe(_ observer: StoreObserver) { observation.begin(observer) }

    /// How far a stream is committed; nil where nothing is known of it.
    package func committedPosition(of key: FileKey) -> StreamPosition? { journal.read { $0.position(of: key) } }

    /// Whether anything waits for a commit.
    package var needsCommit: Bool { table.withLock { !$0.queue.isEmpty } }

    /// Bytes in outputs that are not committed.
    package var uncommittedBytes: Int { uncommitted.load(ordering: .relaxed) }

    /// Outputs that are open, and streams that the journal knows.
    package var counts: (outputsOpen: Int, streamsKnown: Int) {
        (table.withLock { $0.outputs.count }, journal.read { $0.streamCount })
    }

    /// Commits what can be committed, and lets another process have the state directory. Blocks. What is opened or
    /// appended later is refused.
    package func close() {
        let outputs = table.withLock { table in
            table.isClosed = true
            return Array(table.outputs.values)
        }
        for output in outputs { output.shut(StoreError(.closed, output.path)) }
        do throws(StoreError) {
            try commit()
        } catch {
            if error.code != .closed { onFailure(error) }
        }
        for output in outputs { retire(output) }
        namesTurn.withLock { $0 = true }
        compactionTurn.withLock { isCompactionOver in
            isCompactionOver = true
            commitTurn.withLock { isReleased in
                isReleased = true
                lock.release()
            }
        }
    }

    private static func prepare(
        _ configuration: StoreConfiguration, _ fileSystem: any FileSystem
    ) throws(StoreError) -> (any FileLock, StoreWakeups) {
        for (folder, code) in [
            (configuration.stateDirectory, StoreError.Code.stateFolder), (configuration.directory, .outputFolder),
        ] {
            try StoreError.about(SourcePath(folder), code) { () throws(FileError) in
                try fileSystem.makeDirectory(folder, mode: 0o750)
            }
        }
        do {
            return (try fileSystem.lock(configuration.lock), try StoreWakeups())
        } catch {
            throw StoreError(error.isLocked ? .locked : .journal, error.path, cause: error)
        }
    }
}

/// What the store's threads sleep on.
struct StoreWakeups: Sendable {
    let commit: Wakeup
    let compaction: Wakeup
    let rotation: Wakeup
    let tidying: Wakeup

    init() throws(FileError) {
        commit = try Wakeup()
        compaction = try Wakeup()
        rotation = try Wakeup()
        tidying = try Wakeup()
    }

    func wakeAll() { for wakeup in [commit, compaction, rotation, tidying] { wakeup.wake() } }
}
