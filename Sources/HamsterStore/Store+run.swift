internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Store {
    /// Commits whenever something has waited for the interval, when enough bytes wait, and when asked to; on a thread of
    /// its own. Returns after a last commit when the task is cancelled, or after `stop`.
    ///
    /// Failed commits go to the store's `onFailure` and are tried again after a pause. Throws only where no thread can be made.
    package func run() async throws(StoreError) {
        do throws(FileError) {
            try await commitOnThread()
        } catch {
            throw StoreError(.journal, error.path, cause: error)
        }
    }

    /// Ends `run` after a last commit. Doesn't block.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeup.wake()
    }

    private func commitOnThread() async throws(FileError) {
        let outcome = await withTaskCancellationHandler {
            do throws(FileError) {
                try await withDedicatedThread { self.commitUntilStopped() }
                return Result<Void, FileError>.success(())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            stop()
        }
        try outcome.get()
    }

    private func commitUntilStopped() {
        while !isStopping.load(ordering: .acquiring) {
            let delay = timeUntilCommit()
            if delay.map({ $0 > .zero }) ?? true {
                _ = wakeup.wait(timeout: delay)
            } else if !commitOrReport() {
                // The disk is full, most likely: hammering it makes nothing better.
                pause(.seconds(1))
            }
        }
        _ = commitOrReport()
    }

    /// Nil: nothing waits.
    private func timeUntilCommit() -> Duration? {
        if commitIsRequested.exchange(false, ordering: .acquiringAndReleasing) { return .zero }
        guard let since = table.withLock({ $0.queuedSince }) else { return nil }
        if uncommitted.load(ordering: .relaxed) >= configuration.commitBytes { return .zero }
        return configuration.commitInterval - since.duration(to: .now)
    }

    private func commitOrReport() -> Bool {
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
            _ = wakeup.wait(timeout: ContinuousClock.now.duration(to: end))
        }
    }
}
