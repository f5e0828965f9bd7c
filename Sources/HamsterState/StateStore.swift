package import HamsterCore
package import HamsterFiles
internal import Synchronization

/// The records of all files, in memory and in `client.state`. Any thread may use it.
package final class StateStore: Sendable {
    /// A state file is small text; more than this is not ours.
    private static let bytesMax = 256 * 1024 * 1024

    private struct State {
        var records: [FileIdentity: FileRecord] = [:]
        /// Which of them were sent under a path.
        var byPath: [SourcePath: Set<FileIdentity>] = [:]
        var isDirty = false
        /// Files, contents of files and beginnings of contents that the disk does not know, with the number of the change.
        var unwritten: [FileIdentity: Int] = [:]
        var changes = 0
        /// Files of whose present content the disk knows an acknowledgement: how that begins tells nothing more.
        private var acknowledged: Set<FileIdentity> = []

        init(_ records: [FileIdentity: FileRecord] = [:]) {
            self.records = records
            written(Array(records.values), upTo: 0)
            for record in records.values { byPath[record.path, default: []].insert(record.identity) }
        }

        mutating func update(_ record: FileRecord) {
            let old = records.updateValue(record, forKey: record.identity)
            if let old, old.path != record.path { unlist(old) }
            let isNew = old?.generation != record.generation
            if isNew { acknowledged.remove(record.identity) }
            if isNew || (old?.begun != record.begun && !acknowledged.contains(record.identity)) {
                changes += 1
                unwritten[record.identity] = changes
            }
            byPath[record.path, default: []].insert(record.identity)
            isDirty = true
        }

        /// These are on disk, with all changes up to a number.
        mutating func written(_ saved: [FileRecord], upTo change: Int) {
            unwritten = unwritten.filter { $0.value > change }
            for record in saved where record.position.offset > 0 {
                // It may hold other content since.
                if records[record.identity]?.generation == record.generation { acknowledged.insert(record.identity) }
            }
        }

        mutating func remove(_ record: FileRecord) {
            records[record.identity] = nil
            acknowledged.remove(record.identity)
            unwritten[record.identity] = nil
            unlist(record)
            isDirty = true
        }

        private mutating func unlist(_ record: FileRecord) {
            byPath[record.path]?.remove(record.identity)
            if byPath[record.path]?.isEmpty ?? false { byPath[record.path] = nil }
        }
    }

    /// What was found at the start; the caller logs it.
    package let damage: StateDamage?
    private let state: Mutex<State>
    /// Held while the file is written: two at once would take each other's temporary file away.
    private let saving = Mutex<Void>(())
    /// Nil: nothing is kept beyond this process (`send`).
    private let path: String?
    private let fileSystem: any FileSystem
    private let lock: (any FileLock)?

    /// Takes the directory's lock and reads the file. A damaged file is moved aside as `client.state.damaged`.
    /// Throws ``StateError/locked(_:)`` where another client uses the directory.
    package init(directory: String, fileSystem: any FileSystem) throws(StateError) {
        let path = directory + "/client.state"
        self.path = path
        self.fileSystem = fileSystem
        do throws(FileError) {
            try fileSystem.makeDirectory(directory, mode: 0o750)
            lock = try fileSystem.lock(directory + "/client.lock")
        } catch {
            throw error.isLocked ? .locked(directory) : .unusable(directory, error)
        }
        let (records, damage) = try Self.load(path, fileSystem)
        self.damage = damage
        state = Mutex(State(records))
    }

    /// What a directory's state file says, without its lock and without a change: it may be a running client's.
    /// Throws ``StateDamage``, or `FileError`.
    package static func peek(_ directory: String, fileSystem: any FileSystem) throws -> [FileRecord] {
        guard let bytes = try fileSystem.contents(of: directory + "/client.state", bytesMax: bytesMax) else {
            return []
        }
        return try StateCodec.decode(bytes)
    }

    /// A store that keeps nothing: the server's records are all that a resume has.
    package init(inMemory fileSystem: any FileSystem) {
        path = nil
        damage = nil
        lock = nil
        self.fileSystem = fileSystem
        state = Mutex(State())
    }

    package func record(of identity: FileIdentity) -> FileRecord? { state.withLock { $0.records[identity] } }

    package var records: [FileRecord] { state.withLock { Array($0.records.values) } }

    /// The files that were sent under a path, in no particular order.
    package func records(of path: SourcePath) -> [FileRecord] {
        state.withLock { state in state.byPath[path, default: []].compactMap { state.records[$0] } }
    }

    /// Replaces what is known of the record's file. Reaches the disk with the next ``save()``.
    package func update(_ record: FileRecord) { state.withLock { $0.update(record) } }

    /// Adds a record where there is none of its file yet.
    package func register(_ record: FileRecord) {
        state.withLock { state in
            if state.records[record.identity] == nil { state.update(record) }
        }
    }

    /// Notes that a file is still there, once a day: its record is not to be forgotten. `now` in unix seconds.
    package func touch(_ record: FileRecord, now: Int64) {
        guard now - record.seenAt > 86_400 else { return }
        var record = record
        record.seenAt = now
        update(record)
    }

    /// The files that were not seen since `time` (unix seconds), in no particular order.
    package func records(notSeenSince time: Int64) -> [FileRecord] {
        state.withLock { $0.records.values.filter { $0.seenAt < time } }
    }

    /// Drops a file that is gone, so that the state does not grow for ever.
    package func forget(_ record: FileRecord) { state.withLock { $0.remove(record) } }

    /// Whether the disk knows this file, in this generation and with this beginning, or nothing is kept on disk.
    package func isWritten(_ record: FileRecord) -> Bool {
        state.withLock { state in
            guard path != nil else { return true }
            guard state.unwritten[record.identity] == nil, let known = state.records[record.identity] else {
                return false
            }
            return known.generation == record.generation && known.begun == record.begun
        }
    }

    /// Writes the file anew where something has changed: temporary file, fsync, rename, fsync of the directory.
    /// Blocks. On an error the change stays due.
    package func save() throws(StateError) {
        // One at a time: the temporary file is one, and who comes while another saves wants what it has changed on disk.
        try saving.withLock { _ throws(StateError) in try saveAlone() }
    }

    private func saveAlone() throws(StateError) {
        guard let path, let (records, change) = takeDirty() else { return }
        let sorted = records.sorted { ($0.path, $0.identity.inode) < ($1.path, $1.identity.inode) }
        do throws(FileError) {
            try fileSystem.replace(path, with: StateCodec.encode(sorted), mode: 0o640)
        } catch {
            state.withLock { $0.isDirty = true }
            throw .unusable(path, error)
        }
        // Not before: who asks meanwhile has to wait for this save.
        state.withLock { $0.written(sorted, upTo: change) }
    }

    private func takeDirty() -> (records: [FileRecord], change: Int)? {
        state.withLock { state in
            guard state.isDirty else { return nil }
            state.isDirty = false
            return (Array(state.records.values), state.changes)
        }
    }

    private static func load(
        _ path: String, _ fileSystem: any FileSystem
    ) throws(StateError) -> ([FileIdentity: FileRecord], StateDamage?) {
        do throws(FileError) {
            guard let bytes = try fileSystem.contents(of: path, bytesMax: bytesMax) else { return ([:], nil) }
            do throws(StateDamage) {
                let records = try StateCodec.decode(bytes)
                return (Dictionary(records.map { ($0.identity, $0) }, uniquingKeysWith: { $1 }), nil)
            } catch {
                let damage = error
                try fileSystem.rename(SourcePath(path), to: SourcePath(path + ".damaged"))
                return ([:], damage)
            }
        } catch {
            throw .unusable(path, error)
        }
    }
}

/// Why the client's state can't be used.
package enum StateError: Error, Sendable, CustomStringConvertible {
    /// Another process uses the directory.
    case locked(String)
    case unusable(String, FileError)

    package var description: String {
        switch self {
        case .locked(let directory):
            "cannot use the state in \(directory): another loghamsterc uses it: stop that one or give --state another directory"
        case .unusable(let folder, let error) where error.operation == .makeDirectory:
            "'state': the folder \(folder) can't be made: \(error.reason): "
                + "make it, or name another that this user may make and write to"
        case .unusable(_, let error): "cannot use the state: \(error)"
        }
    }
}
