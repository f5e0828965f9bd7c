internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// What the committer does with an output.
extension OutputFile {
    /// Takes the output out of the committer's queue; nil where there is nothing to commit. A file that has to be closed
    /// takes no byte after this.
    func snapshot() -> Snapshot? {
        state.withLock { state in
            state.isQueued = false
            guard let opened = state.file.opened else { return nil }
            if state.mustReopen { state.file = .leaving(opened) }
            let bytesCut = state.ledger.isCommitted ? 0 : noteCut(&state, opened.handle)
            guard let ledger = state.ledger.snapshot() else { return nil }
            var record = opened.record
            record.length = ledger.length
            return Snapshot(
                output: self, handle: opened.handle, record: record, directoriesDue: opened.directoriesDue,
                isFoundByPath: opened.isFoundByPath, bytesCut: bytesCut, ledger: ledger)
        }
    }

    /// Back into the queue, after a commit that came to nothing. True: the committer has to be told.
    func requeue() -> Bool {
        state.withLock { state in
            if case .leaving(let opened) = state.file { state.file = .open(opened) }
            return enqueue(&state)
        }
    }

    /// Notes what has become durable at a time (Unix seconds); gives the streams to be told.
    func commit(_ snapshot: OutputLedger.Snapshot, at time: Int64) -> [OutputLedger.Stream] {
        state.withLock { state in
            state.rotation.since = state.rotation.since ?? time
            switch state.file {
            case .closed: break
            case .open(var opened):
                opened.directoriesDue = []
                state.file = .open(opened)
            case .leaving(var opened):
                opened.directoriesDue = []
                state.file = .leaving(opened)
            }
            return state.ledger.commit(snapshot)
        }
    }

    /// Has the next commit close the file; the byte after that opens what the path leads to then. Until then writers
    /// are told to wait off their event loops. True: the committer has to be told.
    func hold() -> Bool {
        state.withLock { state in
            guard case .open = state.file else { return false }
            pace.hold()
            state.mustReopen = true
            return enqueue(&state)
        }
    }

    /// Closes the file that ``hold()`` has marked, once all of it is committed.
    func closeIfLeaving() {
        state.withLock { state in
            guard case .leaving = state.file, state.ledger.isCommitted else { return }
            state.file = .closed
        }
    }

    /// Whether bytes can go to the file as it is. One that was removed or cut while all was committed is closed: the next
    /// byte opens another, and no stream needs to notice.
    func isReady() -> Bool {
        guard !pace.isHeld else { return false }
        return state.withLock { state in
            guard case .open(let opened) = state.file, state.ledger.isCommitted else { return true }
            // Where even this fails, the append will tell why.
            guard let status = try? opened.handle.status() else { return true }
            if status.links > 0, status.size >= state.ledger.length { return true }
            pace.hold()
            state.file = .closed
            return false
        }
    }

    /// Whether an output is closed and done with.
    enum Retirement {
        case inUse, retired
        /// The file may be longer than its record, by the torn end of a write.
        case retiredAfterFailure
    }

    /// Closes the file when nobody writes to it, or can any more, and all is committed.
    func retireIfIdle() -> Retirement {
        state.withLock { state in
            // By a failed sync, which has seen to the rest already.
            if state.isRetired { return .retired }
            guard state.ledger.isCommitted, state.failure != nil || state.ledger.streams.isEmpty else { return .inUse }
            state.isRetired = true
            state.file = .closed
            return state.failure == nil ? .retired : .retiredAfterFailure
        }
    }

    /// What a failed sync, or the removal of the file, has cost.
    struct Loss: Sendable {
        var byteCount: Int
        /// To be told that they have to resume.
        var streams: [OutputLedger.Stream]
        /// To be told that all of them is settled.
        var settled: [OutputLedger.Stream] = []
    }

    /// After a failed sync: what came since the last commit is lost, and the file is cut back to there.
    func lose(_ error: StoreError) -> Loss {
        state.withLock { state in
            let loss = Loss(byteCount: state.ledger.uncommitted, streams: state.ledger.rollBack())
            state.failure = error
            state.isRetired = true
            if let handle = state.file.opened?.handle {
                // Who opens it next makes sure of that, and that it is on disk.
                try? cut(handle, to: state.ledger.length)
            }
            state.file = .closed
            return loss
        }
    }

    /// After the removal of the file: it is closed, with what it had since the last commit.
    func abandon() -> Loss {
        state.withLock { state in
            let byteCount = state.ledger.uncommitted
            let (resuming, settled) = state.ledger.abandon()
            state.file = .closed
            pace.hold()
            return Loss(byteCount: byteCount, streams: resuming, settled: settled)
        }
    }

    private func noteCut(_ state: inout State, _ handle: any OutputFileHandle) -> UInt64 {
        guard let size = try? handle.status().size, size < state.ledger.length else { return 0 }
        defer { state.ledger.shrink(to: size) }
        return state.ledger.length - size
    }
}
