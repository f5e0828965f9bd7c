internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// One output and all who write to it. Descriptor, length and positions are behind one lock, which a write holds: so a
/// snapshot never sees bytes without their position. The sync runs without the lock.
final class OutputFile: Sendable {
    /// What opening the file has brought.
    struct Opened {
        var handle: any OutputFileHandle
        var record: OutputRecord
        /// To be synchronized before the first commit: the file's name, or those of directories above it, may be new.
        var directoriesDue: [SourcePath]
    }

    /// What came of the wish to write here.
    enum Attachment {
        case attached(Int)
        /// This object is done with: another has to take its place.
        case retired
        /// A write failed: after a commit of what came before, another object takes its place.
        case failed
    }

    /// What a commit needs to know of an output.
    struct Snapshot: Sendable {
        var output: OutputFile
        var handle: any OutputFileHandle
        var record: OutputRecord
        var directoriesDue: [SourcePath]
        var ledger: OutputLedger.Snapshot
    }

    private struct State {
        var opened: Opened?
        var ledger = OutputLedger(length: 0)
        /// Of the first write that failed; there is no other after it.
        var failure: StoreError?
        var isRetired = false
        /// Whether the committer is to look at this output.
        var isQueued = false
    }

    let location: OutputTarget.Location
    let framing: OutputTarget.Framing
    /// For error texts.
    let path: SourcePath
    let pace = OutputPace()
    private let state = Mutex(State())

    init(_ location: OutputTarget.Location, framing: OutputTarget.Framing, path: SourcePath) {
        self.location = location
        self.framing = framing
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
            guard framing == self.framing, framing == .lines || !state.ledger.hasWriter else {
                throw StoreError(.busy, path)
            }
            if state.opened == nil {
                // Those who waited for the lock have to look again.
                state.isRetired = true
                let opened = try open()
                state.isRetired = false
                state.ledger = OutputLedger(length: opened.record.length)
                state.opened = opened
            }
            return .attached(state.ledger.attach(stream))
        }
    }

    /// Appends for a writer, whose source is at `position` then. True: the committer has to be told of this output.
    func append(_ bytes: RawSpan, by id: Int, upTo position: StreamPosition) throws(StoreError) -> Bool {
        var others: [OutputLedger.Stream] = []
        do throws(StoreError) {
            return try state.withLock { state throws(StoreError) in
                if let failure = state.failure { throw failure }
                guard let handle = state.opened?.handle, state.ledger.streams[id] != nil else {
                    throw StoreError(.closed, path)
                }
                let start = ContinuousClock.now
                do throws(FileError) {
                    try handle.append(bytes)
                    pace.note(.now - start)
                } catch {
                    others = state.ledger.streams.filter { $0.key != id && !$0.value.isClosed }.map(\.value)
                    throw fail(&state, handle, error)
                }
                state.ledger.appended(bytes.byteCount, by: id, upTo: position)
                return enqueue(&state)
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

    /// Takes the output out of the committer's queue; nil where there is nothing to commit.
    func snapshot() -> Snapshot? {
        state.withLock { state in
            state.isQueued = false
            guard let opened = state.opened, let ledger = state.ledger.snapshot() else { return nil }
            var record = opened.record
            record.length = ledger.length
            return Snapshot(
                output: self, handle: opened.handle, record: record, directoriesDue: opened.directoriesDue,
                ledger: ledger)
        }
    }

    /// Back into the queue, after a commit that came to nothing. True: the committer has to be told.
    func requeue() -> Bool { state.withLock { enqueue(&$0) } }

    /// Notes what has become durable; gives the streams to be told.
    func commit(_ snapshot: OutputLedger.Snapshot) -> (byteCount: Int, streams: [OutputLedger.Stream]) {
        state.withLock { state in
            state.opened?.directoriesDue = []
            return state.ledger.commit(snapshot)
        }
    }

    /// Closes the file when nobody writes to it, or can any more, and all is committed.
    func retireIfIdle() -> Retirement {
        state.withLock { state in
            // By a failed sync, which has seen to the rest already.
            if state.isRetired { return .retired }
            guard state.ledger.isCommitted, state.failure != nil || state.ledger.streams.isEmpty else { return .inUse }
            state.isRetired = true
            state.opened = nil
            return state.failure == nil ? .retired : .retiredAfterFailure
        }
    }

    /// Whether an output is closed and done with.
    enum Retirement {
        case inUse, retired
        /// The file may be longer than its record, by the torn end of a write.
        case retiredAfterFailure
    }

    /// After a failed sync: what came since the last commit is lost, and the file is cut back to there.
    func lose(_ error: StoreError) -> Loss {
        state.withLock { state in
            var loss = Loss(byteCount: state.ledger.uncommitted, streams: state.ledger.rollBack(), isCut: false)
            state.failure = error
            state.isRetired = true
            loss.isCut = (try? state.opened?.handle.truncate(to: state.ledger.length)) != nil
            state.opened = nil
            return loss
        }
    }

    /// What a failed sync has cost.
    struct Loss: Sendable {
        var byteCount: Int
        var streams: [OutputLedger.Stream]
        /// False: the file still has the lost bytes, and has to be cut before it is written to again.
        var isCut: Bool
    }

    private func enqueue(_ state: inout State) -> Bool {
        guard !state.isQueued else { return false }
        state.isQueued = true
        return true
    }

    private func fail(_ state: inout State, _ handle: any OutputFileHandle, _ error: FileError) -> StoreError {
        let failure = StoreError(.output, path, cause: error)
        state.failure = failure
        if error.isTorn {
            // The next commit records a length that leaves the torn bytes out. Cutting them off is tried once more now,
            // and by whoever opens the file next.
            try? handle.truncate(to: state.ledger.length)
        }
        return failure
    }
}
