internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// What becomes of the files that were put aside: too many are removed, the others compressed.
extension Store {
    /// Removes and compresses what is due at the moment. Blocks, for long where files are large; `run` does this on a
    /// thread of its own.
    package func tidyRotatedFiles() {
        while !isStopping.load(ordering: .acquiring), let next = table.withLock({ $0.takeTidying() }) {
            do throws(StoreError) {
                try tidy(next.location, next.policy)
            } catch {
                if error.code != .closed { onFailure(error) }
            }
            table.withLock { $0.tidying = nil }
        }
    }

    func tidyUntilStopped() {
        while !isStopping.load(ordering: .acquiring) {
            tidyRotatedFiles()
            _ = wakeups.tidying.wait(timeout: nil)
        }
    }

    func requestTidying(_ location: OutputTarget.Location, _ policy: RotationPolicy, isAgain: Bool) {
        if table.withLock({ $0.requestTidying(location, policy, isAgain: isAgain) }) { wakeups.tidying.wake() }
    }

    func rotatedFiles(of location: OutputTarget.Location) -> RotatedFiles {
        RotatedFiles(
            location: location, base: configuration.directory, fileSystem: fileSystem, sync: configuration.sync,
            isOutput: { [self] name in
                table.withLock { $0.outputs[name] != nil } || journal.read { $0.outputs[name] != nil }
            })
    }

    /// In the turn of the names.
    func mendAndPrune(
        _ files: RotatedFiles, _ policy: RotationPolicy, _ code: StoreError.Code
    ) throws(StoreError) {
        let removed = try StoreError.about(files.output, code) { () throws(FileError) in
            try files.mend()
            return try files.prune(policy)
        }
        for path in removed { onEvent(.removed(path)) }
    }

    private func tidy(_ location: OutputTarget.Location, _ policy: RotationPolicy) throws(StoreError) {
        let files = rotatedFiles(of: location)
        try withNames(of: files) { () throws(StoreError) in
            try StoreError.about(files.output, .retention) { () throws(FileError) in try files.removeUnfinished() }
            try mendAndPrune(files, policy, .retention)
        }
        while policy.isCompressing, let name = try uncompressed(files, policy) {
            try compress(name, files)
        }
    }

    /// The oldest file that is not compressed yet; nil: there is none.
    private func uncompressed(_ files: RotatedFiles, _ policy: RotationPolicy) throws(StoreError) -> RotatedName? {
        try withNames(of: files) { () throws(StoreError) in
            let all = try StoreError.about(files.output, .retention) { () throws(FileError) in
                try files.list(policy.names)
            }
            return all.map(\.name).first { !$0.isCompressed }
        }
    }

    /// While nobody else gives names to files that were put aside. Throws `closed` when the store is.
    func withNames<Result: Sendable>(
        of files: RotatedFiles, _ work: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try namesTurn.withLock { isOver throws(StoreError) in
            if isOver || isStopping.load(ordering: .acquiring) { throw StoreError(.closed, files.output) }
            return try work()
        }
    }
}
