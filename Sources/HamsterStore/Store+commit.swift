internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Store {
    /// Makes durable what was appended before the call, and tells the writers. Blocks; one commit runs at a time.
    ///
    /// An output that can't be synchronized is cut back to its last commit, and its writers are told; the others go on.
    /// Throws where the journal can't be written: then nothing has changed, and the next commit tries it all again.
    package func commit() throws(StoreError) {
        try commitTurn.withLock { isReleased throws(StoreError) in
            if isReleased { throw StoreError(.closed, SourcePath(configuration.journal)) }
            let (queue, touched) = table.withLock { ($0.takeQueue(), $0.takeTouched()) }
            let start = ContinuousClock.now
            do throws(StoreError) {
                try commit(queue, touched)
            } catch {
                noteCommit(.now - start, error)
                throw error
            }
            if !queue.isEmpty { noteCommit(.now - start, nil) }
            if journal.isCompactionDue(now: now()) { wakeups.compaction.wake() }
        }
    }

    private func commit(_ queue: [OutputFile], _ touched: Set<FileKey>) throws(StoreError) {
        let taken = queue.compactMap { $0.snapshot() }
        let snapshots: [OutputFile.Snapshot]
        do throws(StoreError) {
            try journal.settle()
            snapshots = present(synchronized(taken))
            try journal.write(commitRecord(of: snapshots, touched))
        } catch {
            for output in queue where output.requeue() { enqueue(output) }
            throw error
        }
        for snapshot in snapshots { settle(snapshot) }
        for output in queue {
            putAside(output)
            output.closeIfLeaving()
            retire(output)
        }
    }

    /// Asks `run` for a commit at once, without waiting for the interval. Doesn't block.
    package func requestCommit() {
        commitIsRequested.store(true, ordering: .releasing)
        wakeups.commit.wake()
    }

    /// Closes every output after a commit of what it has; its next byte opens the file that its path leads to then. No
    /// stream notices, and nothing is written to the old files any more. Doesn't block: `run` does it at once.
    /// Returns how many outputs there are.
    @discardableResult
    package func reopenOutputs() -> Int {
        let outputs = table.withLock { Array($0.outputs.values) }
        for output in outputs where output.hold() { enqueue(output) }
        requestCommit()
        return outputs.count
    }

    /// Returns when the commit that runs, if any, is over. Blocks.
    func awaitCommit() { commitTurn.withLock { _ in } }

    /// Tells the committer of an output with something new.
    func enqueue(_ output: OutputFile) {
        if table.withLock({ $0.enqueue(output) }) { wakeups.commit.wake() }
    }

    /// Counts bytes that wait; enough of them don't wait for the interval.
    func noteAppended(_ byteCount: Int) {
        let (before, after) = uncommitted.add(byteCount, ordering: .relaxed)
        if before < configuration.commitBytes, after >= configuration.commitBytes { wakeups.commit.wake() }
    }

    /// Takes an output out of the table when it is done with.
    func retire(_ output: OutputFile) {
        let retirement = output.retireIfIdle()
        guard retirement != .inUse else { return }
        table.withLock { table in
            if retirement == .retiredAfterFailure { table.mustCut.insert(output.location) }
            table.remove(output)
        }
    }

    /// The snapshots whose outputs and their names are on disk; the other outputs have lost what they had not committed.
    private func synchronized(_ snapshots: [OutputFile.Snapshot]) -> [OutputFile.Snapshot] {
        guard configuration.sync == .commit else { return snapshots }
        let failures = fileSystem.synchronize(snapshots.map(\.handle))
        let directoryFailures = synchronizeDirectories(Set(snapshots.flatMap(\.directoriesDue)))
        return zip(snapshots, failures).compactMap { snapshot, failure in
            let failure = failure ?? snapshot.directoriesDue.lazy.compactMap { directoryFailures[$0] }.first
            guard let failure else { return snapshot }
            lose(snapshot.output, StoreError(.lost, snapshot.output.path, cause: failure))
            return nil
        }
    }

    /// Each once, however many outputs are new in it; what went wrong with which.
    private func synchronizeDirectories(_ due: Set<SourcePath>) -> [SourcePath: FileError] {
        var failures: [SourcePath: FileError] = [:]
        for directory in due {
            do throws(FileError) {
                try fileSystem.synchronizeDirectory(directory)
            } catch {
                // One that was removed takes the file's name with it, and that was somebody's wish.
                if !error.isMissing { failures[directory] = error }
            }
        }
        table.withLock { $0.noteDurable(due.filter { failures[$0] == nil }) }
        return failures
    }

    private func lose(_ output: OutputFile, _ error: StoreError) {
        let loss = output.lose(error)
        uncommitted.subtract(loss.byteCount, ordering: .relaxed)
        table.withLock { table in
            table.mustCut.insert(output.location)
            table.remove(output)
            table.failures.note(error, at: output.location)
        }
        free(loss.streams)
        for stream in loss.streams { stream.onFailure(error) }
        onFailure(error)
    }

    /// Lets other openings have the keys of streams that are closed and settled.
    func free(_ streams: [OutputLedger.Stream]) {
        table.withLock { table in
            for stream in streams where stream.isClosed {
                if let key = stream.key { table.keys[key] = nil }
            }
        }
    }

    private func commitRecord(of snapshots: [OutputFile.Snapshot], _ touched: Set<FileKey>) -> CommitRecord {
        let time = now()
        var commit = CommitRecord()
        for key in touched {
            guard var record = journal.read({ $0.record(of: key) }) else { continue }
            record.lastSeen = time
            commit.streams.append(record)
        }
        for snapshot in snapshots {
            var record = snapshot.record
            record.lastSeen = time
            commit.outputs.append(record)
            for moved in snapshot.ledger.moved {
                guard let key = moved.key else { continue }
                commit.streams.append(
                    StreamRecord(key: key, position: moved.position, output: record.number, lastSeen: time))
            }
        }
        return commit
    }

    private func settle(_ snapshot: OutputFile.Snapshot) {
        let time = now()
        let streams = snapshot.output.commit(snapshot.ledger, at: time)
        uncommitted.subtract(snapshot.ledger.byteCount, ordering: .relaxed)
        free(streams.filter(\.isCommitted))
        table.withLock { $0.failures.committed(snapshot.output.location) }
        for stream in streams { stream.onCommit(stream.committed) }
        if snapshot.output.rotationDue(at: time) != nil { wakeups.rotation.wake() }
    }
}
