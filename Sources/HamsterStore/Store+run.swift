package import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Store {
    /// Commits whenever something has waited for the interval, when enough bytes wait, and when asked to, on a thread of
    /// its own; on others compacts the journal when that is due, puts outputs aside, and compresses them. Returns after a
    /// last commit when the task is cancelled, or after `stop`.
    ///
    /// Failed commits go to the store's `onFailure` and are tried again after a pause. Throws only where no thread can be made.
    package func run() async throws(StoreError) {
        do throws(FileError) {
            try await runThreads()
        } catch {
            throw StoreError(.journal, error.path, cause: error)
        }
    }

    /// Ends `run` after a last commit. Doesn't block.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeups.wakeAll()
    }

    /// The commits. Doesn't turn while nobody is in ``run()``.
    package var committer: WorkLoop {
        WorkLoop("commits") { [self] answer in
            turnQuestions.add(answer)
            wakeups.commit.wake()
        }
    }

    private func runThreads() async throws(FileError) {
        let outcome = await withTaskCancellationHandler {
            async let compacting: Void = beside { $0.compactUntilStopped() }
            async let rotating: Void = beside { $0.rotateUntilStopped() }
            async let tidying: Void = beside { $0.tidyUntilStopped() }
            let committing = await onThread { $0.commitUntilStopped() }
            // Also where there was no thread for the commits.
            stop()
            _ = await (compacting, rotating, tidying)
            return committing
        } onCancel: {
            stop()
        }
        try outcome.get()
    }

    /// Work without which the journal or the outputs grow, and all else goes on.
    private func beside(_ work: @escaping @Sendable (Store) -> Void) async {
        do {
            try await onThread(work).get()
        } catch {
            onFailure(StoreError(.journal, error.path, cause: error))
        }
    }

    private func onThread(_ work: @escaping @Sendable (Store) -> Void) async -> Result<Void, FileError> {
        do throws(FileError) {
            try await withDedicatedThread { work(self) }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    private func commitUntilStopped() {
        var begunAt = ContinuousClock.now - configuration.commitInterval
        while !isStopping.load(ordering: .acquiring) {
            turnQuestions.answer()
            let delay = timeUntilCommit(after: begunAt)
            if delay.map({ $0 > .zero }) ?? true {
                _ = wakeups.commit.wait(timeout: delay)
                continue
            }
            begunAt = .now
            if !commitOrReport() {
                // The disk is full, most likely: hammering it makes nothing better.
                pause(.seconds(1))
            }
        }
        _ = commitOrReport()
    }

    /// An interval after the last commit was begun, so that what comes after a quiet time waits for the disk alone, and
    /// there are no more commits for it under load. Nil: nothing waits.
    private func timeUntilCommit(after begunAt: ContinuousClock.Instant) -> Duration? {
        if commitIsRequested.exchange(false, ordering: .acquiringAndReleasing) { return .zero }
        guard table.withLock({ $0.hasQueue }) else { return nil }
        if uncommitted.load(ordering: .relaxed) >= configuration.commitBytes { return .zero }
        return configuration.commitInterval - begunAt.duration(to: .now)
    }

    /// False: it failed, and the store's `onFailure` knows.
    func commitOrReport() -> Bool {
        do {
            try commit()
            return true
        } catch {
            onFailure(error)
            return false
        }
    }

    private func pause(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        while !isStopping.load(ordering: .acquiring), ContinuousClock.now < end {
            _ = wakeups.commit.wait(timeout: ContinuousClock.now.duration(to: end))
        }
    }
}
