internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Store {
    /// How the store fares. Waits for no disk but where an output is being opened.
    package var status: StoreStatus {
        let (outputs, failures) = table.withLock { ($0.outputs, $0.failures.all) }
        var all = outputs.map { location, output in output.status(failures[location]?.error) }
        for (location, failure) in failures where outputs[location] == nil {
            all.append(
                StoreStatus.Output(
                    path: location.located(in: configuration.directory).path, length: nil, committed: nil,
                    streamCount: 0, failure: failure.error))
        }
        return StoreStatus(
            outputs: all.sorted { $0.path < $1.path }, uncommittedBytes: uncommittedBytes,
            commits: commits.withLock { $0 }, streamsKnown: journal.read { $0.streamCount }, journalSize: journal.size)
    }

    /// Counts a commit that had something to do.
    func noteCommit(_ duration: Duration, _ failure: StoreError?) {
        if failure == nil { observation.current?.committed(duration) }
        let time = now()
        commits.withLock { commits in
            commits.count += failure == nil ? 1 : 0
            commits.failureCount += failure == nil ? 0 : 1
            commits.failure = failure
            commits.lastDuration = duration
            commits.lastAt = time
        }
    }
}

extension OutputFile {
    func status(_ failure: StoreError?) -> StoreStatus.Output {
        state.withLock { state in
            let isOpen = state.file.opened != nil
            return StoreStatus.Output(
                path: path, length: isOpen ? state.ledger.length : nil,
                committed: isOpen ? state.ledger.committedLength : nil,
                streamCount: state.ledger.streams.values.filter { !$0.isClosed }.count, failure: failure)
        }
    }
}
