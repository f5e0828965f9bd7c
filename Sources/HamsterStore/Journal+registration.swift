internal import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Journal {
    /// One opening that waits until its output's record is durable.
    final class Registration: Sendable {
        let output: OutputRecord
        /// From the base down to the directory that holds the output.
        let directories: [SourcePath]
        /// Those in which the opening made something.
        let changed: Set<SourcePath>
        /// Nil: not tried yet.
        let outcome = Mutex<Result<Void, StoreError>?>(nil)

        init(_ output: OutputRecord, _ handle: any OutputFileHandle) {
            self.output = output
            directories = handle.entryDirectories
            changed = handle.changedDirectories
        }
    }

    /// Returns when a record of the output is durable, and its name is. Many callers at once share one frame and one
    /// sync, and one sync per directory: the first in turn writes for all who came before it got the turn.
    func register(_ output: OutputRecord, _ handle: any OutputFileHandle) throws(StoreError) {
        let registration = Registration(output, handle)
        waiting.withLock { $0.append(registration) }
        turn.withLock { durable in
            guard registration.outcome.withLock({ $0 == nil }) else { return }
            let group = waiting.withLock { waiting in
                let group = waiting
                waiting = []
                return group
            }
            settle(group, &durable)
        }
        let outcome = registration.outcome.withLock { $0 }
        try outcome?.get()
    }

    private func settle(_ group: [Registration], _ durable: inout Set<SourcePath>) {
        let failures = sync == .commit ? synchronizeDirectories(of: group, &durable) : [:]
        func failure(of registration: Registration) -> FileError? {
            registration.directories.lazy.compactMap { failures[$0] }.first
        }
        let outputs = group.filter { failure(of: $0) == nil }.map(\.output)
        let written = Result { () throws(StoreError) in try write(CommitRecord(outputs: outputs)) }
        for registration in group {
            let failure = failure(of: registration).map { cause in
                StoreError(.output, cause.path, cause: cause)
            }
            registration.outcome.withLock { $0 = failure.map { .failure($0) } ?? written }
        }
    }

    /// Always the directory that holds the output; one above it only where its entries may not be durable.
    private func synchronizeDirectories(
        of group: [Registration], _ durable: inout Set<SourcePath>
    ) -> [SourcePath: FileError] {
        var due = Set(group.compactMap(\.directories.last))
        for registration in group {
            due.formUnion(registration.changed)
            due.formUnion(registration.directories.filter { !durable.contains($0) })
        }
        var failures: [SourcePath: FileError] = [:]
        if durable.count + due.count > Self.directoriesMax { durable = [] }
        for directory in due {
            do {
                try fileSystem.synchronizeDirectory(directory)
                durable.insert(directory)
            } catch {
                durable.remove(directory)
                failures[directory] = error
            }
        }
        return failures
    }
}
