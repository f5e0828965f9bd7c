package import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// Putting outputs aside, in two steps. First a name is made free, beside the commits. Then a commit renames the file once
/// all its bytes are committed and none can follow: so each byte is in one file, and its position in the journal.
extension Store {
    /// An output is put aside so much later than its policy says, at most, where nothing fails. Many that come at once are
    /// looked at together.
    private static let rotationPause: Duration = .milliseconds(100)

    /// Has the next commit put aside the outputs for which it is time. Blocks; `run` does this on a thread of its own.
    package func rotateDueOutputs() {
        let time = now()
        let outputs = table.withLock { Array($0.outputs.values) }
        for output in outputs {
            if let policy = output.rotationDue(at: time) { prepareRotation(of: output, policy, at: time) }
        }
    }

    /// Puts an output aside that was opened just now and whose time is over already, before it gets a byte. Blocks.
    func rotateIfDue(_ output: OutputFile) {
        let time = now()
        guard let policy = output.rotationDue(at: time) else { return }
        prepareRotation(of: output, policy, at: time)
        _ = commitOrReport()
    }

    /// Changes how an output that is open is rotated; its streams notice nothing. Doesn't block.
    package func setRotation(_ policy: RotationPolicy?, of location: OutputTarget.Location) {
        let location = location.canonical(below: configuration.directory)
        guard let output = table.withLock({ $0.outputs[location] }), output.rotationPolicy != policy else { return }
        noteRotation(policy, of: output, isAgain: true)
    }

    /// What an output's opening or a reload says of its rotation.
    func noteRotation(_ policy: RotationPolicy?, of output: OutputFile, isAgain: Bool = false) {
        guard output.setRotation(policy), let policy else { return }
        requestTidying(output.location, policy, isAgain: isAgain)
        wakeups.rotation.wake()
    }

    func rotateUntilStopped() {
        while !isStopping.load(ordering: .acquiring) {
            rotateDueOutputs()
            _ = wakeups.rotation.wait(timeout: timeUntilRotation())
            let end = ContinuousClock.now + Self.rotationPause
            // What wakes this thread meanwhile is looked at after it.
            while !isStopping.load(ordering: .acquiring), ContinuousClock.now < end {
                _ = wakeups.rotation.wait(timeout: ContinuousClock.now.duration(to: end))
            }
        }
    }

    /// Until the next period of an output ends; not long, since the clock may be set, and what has failed is tried again.
    private func timeUntilRotation() -> Duration {
        let time = now()
        let ends = table.withLock { Array($0.outputs.values) }.compactMap { $0.periodEnd(after: time) }
        return .seconds(min((ends.min() ?? .max) - time, OutputRotation.retryInterval))
    }

    private func prepareRotation(of output: OutputFile, _ policy: RotationPolicy, at time: Int64) {
        let location = output.location
        // From here on nobody opens a file under a name that the rotation may use.
        table.withLock { _ = $0.rotating.insert(location) }
        do throws(StoreError) {
            let destination = try namesTurn.withLock { isOver throws(StoreError) in
                if isOver { throw StoreError(.closed, output.path) }
                let files = rotatedFiles(of: location)
                try mendAndPrune(files, policy, .rotation)
                return try files.makeRoom(policy, at: time)
            }
            guard let isNews = output.putAside(to: destination) else { return endRotation(of: location) }
            if isNews { enqueue(output) }
            requestCommit()
        } catch {
            endRotation(of: location)
            fail(output, error)
        }
    }

    private func endRotation(of location: OutputTarget.Location) {
        table.withLock { _ = $0.rotating.remove(location) }
    }

    private func fail(_ output: OutputFile, _ error: StoreError) {
        if output.stays(error, at: now()), error.code != .closed { onFailure(error) }
    }

    /// Gives the file of an output its new name, where this commit is to do so: the commit that closes it, when all of it
    /// is committed.
    func putAside(_ output: OutputFile) {
        guard let departure = output.departure() else { return }
        let destination = departure.destination.located(in: configuration.directory).path
        defer { endRotation(of: output.location) }
        do throws(FileError) {
            guard try isInPlace(departure, output.path) else { return }
            try moveAside(output, to: destination)
        } catch {
            return fail(output, StoreError(.rotation, output.path, cause: error))
        }
        output.departed()
        table.withLock { $0.disown(output) }
        noteDeparture(departure.record)
        onEvent(.rotated(output.path, to: destination, byteCount: departure.record.length))
        if let policy = output.rotationPolicy { requestTidying(output.location, policy, isAgain: true) }
    }

    /// False: somebody else has renamed the file, which is closed then as well.
    private func isInPlace(_ departure: OutputFile.Departure, _ path: SourcePath) throws(FileError) -> Bool {
        let named = try fileSystem.status(of: path)
        if named?.identity == departure.record.identity { return true }
        // Its directory has another name by now: nothing can be renamed by path.
        if !departure.isFoundByPath { throw FileError(.rename, path, code: FileError.staleCode) }
        return false
    }

    /// The new name is on disk before another file can get the old one: else a power cut could leave the file without any.
    private func moveAside(_ output: OutputFile, to destination: SourcePath) throws(FileError) {
        guard try fileSystem.status(of: destination) == nil else {
            throw FileError(.rename, destination, code: FileError.existsCode)
        }
        try fileSystem.rename(output.path, to: destination)
        guard configuration.sync == .commit else { return }
        do throws(FileError) {
            try fileSystem.synchronizeDirectory(output.location.parent(in: configuration.directory))
        } catch {
            try fileSystem.rename(destination, to: output.path)
            throw error
        }
    }

    /// The journal knows the file by its place, where it is no longer. Without this record a start would look for it, and
    /// find it: a journal that can't be written is the next commit's trouble.
    private func noteDeparture(_ record: OutputRecord) {
        try? journal.write(CommitRecord(outputs: [record.departed]))
    }
}
