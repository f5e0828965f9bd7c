internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

/// What others do to an output while it is open: remove it, rename it, cut it.
extension Store {
    private enum Placement {
        case unchanged
        /// The file has another name, or is found by none: the output's path leads elsewhere.
        case elsewhere
        /// No name leads to the file any more.
        case removed
    }

    /// The snapshots whose files still have a name. A file that was removed takes what was not committed with it; one that
    /// was renamed is committed for the last time and closed by the next commit.
    func present(_ snapshots: [OutputFile.Snapshot]) -> [OutputFile.Snapshot] {
        snapshots.filter { snapshot in
            if snapshot.bytesCut > 0 {
                onFailure(StoreError(.truncated, snapshot.output.path, number: snapshot.bytesCut))
            }
            switch placement(of: snapshot) {
            case .unchanged: return true
            case .elsewhere:
                if snapshot.output.hold() { enqueue(snapshot.output) }
                requestCommit()
                return true
            case .removed:
                abandon(snapshot.output)
                return false
            }
        }
    }

    /// What can't be looked at counts as unchanged: the bytes are in the file, whatever its name.
    private func placement(of snapshot: OutputFile.Snapshot) -> Placement {
        if let status = try? snapshot.handle.status(), status.links == 0 { return .removed }
        guard snapshot.isFoundByPath else { return .unchanged }
        do {
            let named = try fileSystem.status(of: snapshot.output.path)
            return named?.identity == snapshot.record.identity ? .unchanged : .elsewhere
        } catch {
            return .unchanged
        }
    }

    private func abandon(_ output: OutputFile) {
        let loss = output.abandon()
        let error = StoreError(.removed, output.path)
        uncommitted.subtract(loss.byteCount, ordering: .relaxed)
        free(loss.streams + loss.settled)
        for stream in loss.streams { stream.onFailure(error) }
        for stream in loss.settled { stream.onCommit(stream.committed) }
        onFailure(error)
    }
}
