internal import HamsterCore
internal import HamsterFiles

/// The files that were put aside for one output, in its directory. Each step is durable before the next one begins, so
/// that after a crash each file has one name, its old or its new one.
struct RotatedFiles {
    let location: OutputTarget.Location
    /// Base of outputs that are `.beneath`.
    let base: String
    let fileSystem: any FileSystem
    let sync: SyncPolicy
    /// Whether a name is that of an output of its own, and so none of these files.
    let isOutput: (OutputTarget.Location) -> Bool

    func path(_ name: RotatedName) -> SourcePath { path(name.bytes(of: location.name)) }

    /// Of the file that is being compressed.
    var unfinished: OutputTarget.Location { location.sibling(location.name + RotatedName.unfinishedSuffix) }

    /// The output's own path.
    var output: SourcePath { location.located(in: base).path }

    private var directory: SourcePath { location.parent(in: base) }

    private func path(_ name: [UInt8]) -> SourcePath { location.sibling(name).located(in: base).path }

    private func isOutput(_ name: RotatedName) -> Bool { isOutput(location.sibling(name.bytes(of: location.name))) }

    func synchronizeDirectory() throws(FileError) {
        if sync == .commit { try fileSystem.synchronizeDirectory(directory) }
    }
}

// MARK: - Looking

extension RotatedFiles {
    /// One of the files.
    struct Entry {
        var name: RotatedName
        var inode: UInt64
    }

    /// All that are there, oldest first by `names`; not the outputs that are called like that.
    func list(_ names: RotationPolicy.Names) throws(FileError) -> [Entry] {
        try entries().filter { !isOutput($0.name) }.sorted { $0.name.label.isOlder(than: $1.name.label, names) }
    }

    /// What a file that is not compressed is called now; nil: it is gone.
    func name(of identity: FileIdentity) throws(FileError) -> RotatedName? {
        for entry in try list(.numbered) where !entry.name.isCompressed && entry.inode == identity.inode {
            if try fileSystem.status(of: path(entry.name))?.identity == identity { return entry.name }
        }
        return nil
    }

    private func entries() throws(FileError) -> [Entry] {
        var found: [Entry] = []
        for entry in try fileSystem.entries(of: directory) {
            if entry.name == location.name { try requireRegular(entry) }
            guard let name = RotatedName(entry.name, of: location.name) else { continue }
            try requireRegular(entry)
            found.append(Entry(name: name, inode: entry.inode))
        }
        return found
    }

    /// A link or a directory in such a place is somebody's, and nothing to rename or to replace.
    private func requireRegular(_ entry: DirectoryEntry) throws(FileError) {
        guard entry.kind != .regular, entry.kind != .unknown else { return }
        throw FileError(
            .rename, path(entry.name), code: FileError.invalidCode, refusal: .notRegular(entry.kind))
    }
}

// MARK: - Changing

extension RotatedFiles {
    /// Removes the half of a compressed file that a crash has left.
    func removeUnfinished() throws(FileError) {
        guard !isOutput(unfinished) else { return }
        do {
            try fileSystem.remove(unfinished.located(in: base).path)
        } catch let error where error.isMissing {}
    }

    /// Makes the file that is going to be the compressed one: whose it is and who may read it is as with the other.
    func makeUnfinished(like status: FileStatus) throws(FileError) -> any OutputFileHandle {
        guard !isOutput(unfinished) else {
            throw FileError(.open, unfinished.located(in: base).path, code: FileError.existsCode)
        }
        try removeUnfinished()
        return try fileSystem.openOutput(
            unfinished.located(in: base), OutputOpening(mode: status.mode, owner: status.owner, group: status.group))
    }

    /// Puts the compressed file, all of which is on disk, in the place of another one; gives its path.
    func finish(_ name: RotatedName) throws(FileError) -> SourcePath {
        let compressed = path(RotatedName(label: name.label, isCompressed: true))
        try fileSystem.rename(unfinished.located(in: base).path, to: compressed)
        // Whatever else need not survive a power cut: this would be gone for good.
        try fileSystem.synchronizeDirectory(directory)
        try fileSystem.remove(path(name))
        return compressed
    }

    /// Removes whole compressed files whose origin a crash has kept from being removed: they are made again. Otherwise
    /// the two could get different numbers, and their bytes would be there twice.
    func mend() throws(FileError) {
        let files = try list(.numbered).map(\.name)
        let plain = Set(files.filter { !$0.isCompressed }.map(\.label))
        for name in files where name.isCompressed && plain.contains(name.label) { try fileSystem.remove(path(name)) }
    }

    /// Removes the oldest files until `keep` are left; gives the paths of the removed ones.
    func prune(_ policy: RotationPolicy) throws(FileError) -> [SourcePath] {
        guard let keep = policy.keep else { return [] }
        let excess = try list(policy.names).map(\.name).dropLast(keep)
        for name in excess { try fileSystem.remove(path(name)) }
        return excess.map { path($0) }
    }

    /// Makes the name free that the output's file is to get, and says which it is. `time` is in Unix seconds.
    func makeRoom(_ policy: RotationPolicy, at time: Int64) throws(StoreError) -> OutputTarget.Location {
        // Also what a process did that was killed before it could synchronize.
        try attempt { () throws(FileError) in try synchronizeDirectory() }
        let entries = try attempt { () throws(FileError) -> [Entry] in try self.entries() }
        let label =
            switch policy.names {
            case .numbered: try shift(entries.map(\.name))
            case .dated: unusedDate(entries.map(\.name.label), at: time)
            }
        let name = RotatedName(label: label, isCompressed: false)
        try requireFree(name)
        return location.sibling(name.bytes(of: location.name))
    }

    /// Each file up to the first number that is free gets the next number.
    private func shift(_ names: [RotatedName]) throws(StoreError) -> RotatedName.Label {
        let byNumber = Dictionary(grouping: names, by: \.label)
        var free = 1
        while byNumber[.number(free)] != nil { free += 1 }
        // Before the first of them has moved.
        for number in 1...free {
            for isCompressed in [false, true] {
                try requireFree(RotatedName(label: .number(number), isCompressed: isCompressed))
            }
        }
        for number in stride(from: free - 1, through: 1, by: -1) {
            for name in byNumber[.number(number)] ?? [] {
                let next = RotatedName(label: name.label.next, isCompressed: name.isCompressed)
                try attempt { () throws(FileError) in
                    try fileSystem.rename(path(name), to: path(next))
                    try synchronizeDirectory()
                }
            }
        }
        return .number(1)
    }

    private func unusedDate(_ labels: [RotatedName.Label], at time: Int64) -> RotatedName.Label {
        let label = RotatedName.Label.date(at: time)
        let youngest = labels.filter { !$0.isNumber }.max { $0.isOlder(than: $1, .dated) }
        // The clock may have been set back: the names have to keep the order of the files.
        guard let youngest, !youngest.isOlder(than: label, .dated) else { return label }
        return youngest.next
    }

    private func requireFree(_ name: RotatedName) throws(StoreError) {
        if isOutput(name) { throw StoreError(.nameTaken, path(name)) }
    }

    private func attempt<Result>(_ work: () throws(FileError) -> Result) throws(StoreError) -> Result {
        try StoreError.about(output, .rotation, work)
    }
}
