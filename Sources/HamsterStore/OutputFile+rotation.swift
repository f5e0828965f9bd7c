internal import HamsterCore
internal import Synchronization

/// What putting its file aside means to an output.
extension OutputFile {
    /// A file that the running commit is to put aside, with all of its bytes committed.
    struct Departure {
        var destination: OutputTarget.Location
        var record: OutputRecord
        var isFoundByPath: Bool
    }

    var rotationPolicy: RotationPolicy? { state.withLock { $0.rotation.policy } }

    /// True: the policy is another one than before.
    func setRotation(_ policy: RotationPolicy?) -> Bool {
        state.withLock { state in
            defer { state.rotation.policy = policy }
            return state.rotation.policy != policy
        }
    }

    /// The policy by which the open file is to be put aside now; nil: it is not.
    func rotationDue(at now: Int64) -> RotationPolicy? {
        state.withLock { state in
            guard case .open = state.file, state.failure == nil,
                state.rotation.isDue(length: state.ledger.length, now: now)
            else { return nil }
            return state.rotation.policy
        }
    }

    /// When the open file's period ends, in Unix seconds; nil where nothing ends it but its length.
    func periodEnd(after now: Int64) -> Int64? {
        state.withLock { state in
            guard case .open = state.file, state.failure == nil else { return nil }
            return state.rotation.policy?.periodEnd(after: now)
        }
    }

    /// Has the next commit put the file there and close it. Nil: it can't be, since the file is no longer open; otherwise
    /// whether the committer has to be told.
    func putAside(to destination: OutputTarget.Location) -> Bool? {
        state.withLock { state in
            guard case .open = state.file, state.failure == nil else { return nil }
            state.rotation.begin(to: destination)
            pace.hold()
            state.mustReopen = true
            return enqueue(&state)
        }
    }

    /// The file that this commit is to put aside; nil: none, or not all of it is committed.
    func departure() -> Departure? {
        state.withLock { state in
            guard case .leaving(let opened) = state.file, state.ledger.isCommitted, state.failure == nil,
                let destination = state.rotation.destination
            else { return nil }
            var record = opened.record
            record.length = state.ledger.length
            return Departure(destination: destination, record: record, isFoundByPath: opened.isFoundByPath)
        }
    }

    /// The file was put aside.
    func departed() { state.withLock { $0.rotation.succeeded() } }

    /// The file could not be put aside, or nothing could be found to call it: it is written to as before. True: the
    /// failure is news.
    func stays(_ error: StoreError, at time: Int64) -> Bool {
        state.withLock { state in
            // Without a destination it leaves for another reason: somebody has renamed it.
            if state.rotation.destination != nil, case .leaving(let opened) = state.file {
                state.file = .open(opened)
                state.mustReopen = false
                pace.release()
            }
            return state.rotation.failed(error, at: time)
        }
    }
}
