internal import HamsterFiles
internal import Synchronization

extension Store {
    /// Writes the journal anew where most of it is outdated, and forgets what was not seen for long. Blocks, but commits go
    /// on beside it; `run` does this on a thread of its own.
    package func compact() {
        compactionTurn.withLock { isOver in
            guard !isOver else { return }
            let time = now()
            let oldest = time - configuration.forgetAfter.components.seconds
            do throws(StoreError) {
                try journal.compactIfDue(now: time) { index in
                    // What is being opened is in the table before its opener asks the index.
                    let (keys, locations) = table.withLock { table in (Set(table.keys.keys), Set(table.outputs.keys)) }
                    return index.expired(before: oldest, streamsOpen: keys, outputsOpen: locations)
                }
            } catch {
                // What is committed is committed: a journal that is too long only costs time at the next start.
                onFailure(error)
            }
        }
    }

    func compactUntilStopped() {
        while !isStopping.load(ordering: .acquiring) {
            if wakeups.compaction.wait(timeout: nil), !isStopping.load(ordering: .acquiring) { compact() }
        }
    }
}
