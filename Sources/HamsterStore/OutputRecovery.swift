internal import HamsterCore
internal import HamsterFiles

/// Brings outputs back to their recorded lengths after a crash.
struct OutputRecovery {
    private let configuration: StoreConfiguration
    private let fileSystem: any FileSystem

    init(_ configuration: StoreConfiguration, _ fileSystem: any FileSystem) {
        self.configuration = configuration
        self.fileSystem = fileSystem
    }

    /// Gives the locations of outputs that could not be brought to their lengths.
    func run(
        _ records: [OutputTarget.Location: OutputRecord], _ recovery: inout StoreRecovery
    ) -> Set<OutputTarget.Location> {
        var failed: Set<OutputTarget.Location> = []
        var directories: [SourcePath: [DirectoryEntry]] = [:]
        for record in records.values where !record.isDeparted {
            let location = record.location.located(in: configuration.directory)
            do {
                if try mend(record, at: location, &recovery) { continue }
                recovery.outputsReplaced.append(location.path)
                guard let renamed = renamed(record, location.path, &directories) else { continue }
                try synchronizeNames(around: renamed)
                // What became of a file that is another output's by now, its own record says: it was renamed, or got the inode.
                guard records[renamed]?.identity != record.identity else { continue }
                _ = try mend(record, at: renamed.located(in: configuration.directory), &recovery)
            } catch {
                failed.insert(record.location)
                recovery.failures.append(StoreError(.output, location.path, cause: error))
            }
        }
        return failed
    }

    /// False: what is there is not the recorded output.
    private func mend(
        _ record: OutputRecord, at location: OutputLocation, _ recovery: inout StoreRecovery
    ) throws(FileError) -> Bool {
        let handle: any OutputFileHandle
        do {
            handle = try fileSystem.openOutput(location, OutputOpening(isCreating: false))
        } catch let error where error.isMissing {
            return false
        }
        let status = try handle.status()
        guard status.identity == record.identity else { return false }
        if status.size < record.length {
            recovery.outputsShorter.append(.init(path: location.path, byteCount: record.length - status.size))
        } else if status.size > record.length {
            try handle.truncate(to: record.length)
            if configuration.sync == .commit { try handle.synchronize() }
            recovery.outputsCut.append(.init(path: location.path, byteCount: status.size - record.length))
        }
        return true
    }

    /// A kill may have come between the rename and its sync: before a new file gets the old name, the new one has to be on
    /// disk, or a power cut could take it.
    private func synchronizeNames(around location: OutputTarget.Location) throws(FileError) {
        if configuration.sync == .commit {
            try fileSystem.synchronizeDirectory(location.parent(in: configuration.directory))
        }
    }

    /// The recorded output under the name that a rotation gave it, in the same directory. Whether it is the same file and
    /// not one that got its inode later, ``mend(_:at:_:)`` finds out.
    private func renamed(
        _ record: OutputRecord, _ path: SourcePath, _ directories: inout [SourcePath: [DirectoryEntry]]
    ) -> OutputTarget.Location? {
        let slash = UInt8(ascii: "/")
        let path = path.bytes
        guard let end = path.lastIndex(of: slash) else { return nil }
        let directory = SourcePath(bytes: Array(path[..<end]))
        if directories[directory] == nil { directories[directory] = (try? fileSystem.entries(of: directory)) ?? [] }
        let match = directories[directory]?.first { entry in
            entry.inode == record.identity.inode
        }
        guard let match else { return nil }
        switch record.location {
        case .beneath(let components): return .beneath(components: components.dropLast() + [match.name])
        case .absolute: return .absolute(SourcePath(bytes: directory.bytes + [slash] + match.name))
        }
    }
}
