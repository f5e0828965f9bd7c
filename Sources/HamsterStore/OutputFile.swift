internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// One output and all who write to it. Descriptor, length and positions are behind one lock, which a write holds: so a
/// snapshot never sees bytes without their position. The sync runs without the lock.
///
/// The file may be another one from one moment to the next: a commit closes it, and the next byte opens what the
/// output's path leads to by then. The writers stay.
final class OutputFile: Sendable {
    /// What opening the file has brought.
    struct Opened {
        var handle: any OutputFileHandle
        var record: OutputRecord
        /// To be synchronized before the first commit: the file's name, or those of directories above it, may be new.
        var directoriesDue: [SourcePath]
        /// Whether the output's path has led to the file. Below a base directory that was moved it doesn't.
        var isFoundByPath: Bool
        /// When the file got its first byte, in Unix seconds; nil: it is empty.
        var since: Int64?
        /// The file system that the file is on.
        var device: UInt64
    }

    /// What came of the wish to write here.
    enum Attachment {
        case attached(Int)
        /// The commit that runs closes the file: to be tried again after it.
        case leaving
        /// This object is done with: another has to take its place.
        case retired
        /// A write failed: after a commit of what came before, another object takes its place.
        case failed
    }

    /// What came of an append.
    enum Append {
        /// The committer has to be told of this output where it is news.
        case appended(isNews: Bool)
        /// The commit that runs closes the file: to be tried again after it.
        case leaving
        /// The file has to be opened first.
        case closed
    }

    /// What a commit needs to know of an output.
    struct Snapshot: Sendable {
        var output: OutputFile
        var handle: any OutputFileHandle
        var record: OutputRecord
        var directoriesDue: [SourcePath]
        var isFoundByPath: Bool
        /// By which somebody else has shortened the file since the last commit.
        var bytesCut: UInt64
        var ledger: OutputLedger.Snapshot
    }

    enum File {
        case closed
        case open(Opened)
        /// The commit that runs closes it: no byte may follow.
        case leaving(Opened)

        var opened: Opened? {
            switch self {
            case .closed: nil
            case .open(let opened), .leaving(let opened): opened
            }
        }
    }

    struct State {
        var file = File.closed
        var ledger = OutputLedger(length: 0)
        /// Of the first write that failed; there is no other after it.
        var failure: StoreError?
        var isRetired = false
        /// Whether the committer is to look at this output.
        var isQueued = false
        /// The next commit closes the file.
        var mustReopen = false
        var rotation = OutputRotation()
        /// When the file system's free space is to be looked at again.
        var spaceDueAt = ContinuousClock.now
    }

    let target: OutputTarget
    /// Canonical.
    let location: OutputTarget.Location
    /// For error texts.
    let path: SourcePath
    /// Nil: the file system may be filled.
    private let spaceFloor: SpaceFloor?
    let pace = OutputPace()
    let state = Mutex(State())

    init(_ target: OutputTarget, _ location: OutputTarget.Location, path: SourcePath, spaceFloor: SpaceFloor?) {
        self.target = target
        self.spaceFloor = spaceFloor
        self.location = location
        self.path = path
    }

    /// Done with: another object has to take its place.
    var isRetired: Bool { state.withLock { $0.isRetired } }

    /// Adds a writer; the first one opens the file.
    func attach(
        _ stream: OutputLedger.Stream, framing: OutputTarget.Framing, open: () throws(StoreError) -> Opened
    ) throws(StoreError) -> Attachment {
        try state.withLock { state throws(StoreError) in
            if state.isRetired { return .retired }
            if state.failure != nil { return .failed }
            guard framing == target.framing, framing == .lines || !state.ledger.hasWriter else {
                throw StoreError(.busy, path)
            }
            switch state.file {
            case .leaving: return .leaving
            case .open: break
            case .closed:
                // Those who waited for the lock have to look again.
                state.isRetired = state.ledger.streams.isEmpty
                try self.open(&state, open)
                state.isRetired = false
            }
            return .attached(state.ledger.attach(stream))
        }
    }

    /// Opens the file for writers that are attached already. Does nothing where another has done it.
    func reopen(_ open: () throws(StoreError) -> Opened) throws(StoreError) {
        try state.withLock { state throws(StoreError) in
            guard case .closed = state.file, !state.isRetired, state.failure == nil else { return }
            try self.open(&state, open)
        }
    }

    /// Appends for a writer, whose source is at `position` then.
    func append(_ bytes: RawSpan, by id: Int, upTo position: StreamPosition) throws(StoreError) -> Append {
        var others: [OutputLedger.Stream] = []
        do throws(StoreError) {
            return try state.withLock { state throws(StoreError) in
                if let failure = state.failure { throw failure }
                guard state.ledger.streams[id] != nil else { throw StoreError(.closed, path) }
                let file: Opened
                switch state.file {
                case .closed: return .closed
                case .leaving: return .leaving
                case .open(let opened): file = opened
                }
                let handle = file.handle
                do throws(FileError) {
                    try checkSpace(&state, file)
                    try pace.noting { () throws(FileError) in try handle.append(bytes) }
                } catch {
                    others = state.ledger.streams.filter { $0.key != id && !$0.value.isClosed }.map(\.value)
                    throw fail(&state, handle, error)
                }
                state.ledger.appended(bytes.byteCount, by: id, upTo: position)
                return .appended(isNews: enqueue(&state))
            }
        } catch {
            for other in others { other.onFailure(error) }
            throw error
        }
    }

    /// Ends a writer: whether all its bytes are committed, and whether the committer has to be told of this output.
    func close(_ id: Int) -> (isCommitted: Bool, isNews: Bool) {
        // The stream's closures go when the lock is released: what they hold may call back.
        let (isCommitted, isNews, _) = state.withLock { state in
            let ended = state.ledger.close(id)
            return (ended.isCommitted, state.isRetired ? false : enqueue(&state), ended.stream)
        }
        return (isCommitted, isNews)
    }

    /// Refuses all further bytes.
    func shut(_ reason: StoreError) { state.withLock { $0.failure = $0.failure ?? reason } }

    func enqueue(_ state: inout State) -> Bool {
        guard !state.isQueued else { return false }
        state.isQueued = true
        return true
    }

    /// Throws where the file system has no more space that may be used. Looks at it now and then only.
    private func checkSpace(_ state: inout State, _ file: Opened) throws(FileError) {
        guard let spaceFloor, ContinuousClock.now >= state.spaceDueAt else { return }
        state.spaceDueAt = .now + spaceFloor.interval
        try spaceFloor.check(file.handle, on: file.device, path)
    }

    /// Cuts off what is behind a length; never makes the file longer. Throws where it can't be cut.
    func cut(_ handle: any OutputFileHandle, to length: UInt64) throws(FileError) {
        // Somebody else may have cut it already: then this would put zeros behind its end.
        if try handle.status().size > length { try handle.truncate(to: length) }
    }

    private func open(_ state: inout State, _ open: () throws(StoreError) -> Opened) throws(StoreError) {
        let opened = try open()
        state.ledger.move(to: opened.record.length)
        state.file = .open(opened)
        state.mustReopen = false
        state.rotation.opened(since: opened.since)
        pace.release()
    }

    private func fail(_ state: inout State, _ handle: any OutputFileHandle, _ error: FileError) -> StoreError {
        let failure = StoreError(.output, path, cause: error)
        state.failure = failure
        if error.isTorn {
            // The next commit records a length that leaves the torn bytes out. Cutting them off is tried once more now,
            // and by whoever opens the file next.
            try? cut(handle, to: state.ledger.length)
        }
        return failure
    }
}
