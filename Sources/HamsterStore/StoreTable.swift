internal import HamsterCore
internal import HamsterFiles

/// What a store has open; behind the store's lock, which is never held during file work.
struct StoreTable {
    enum KeyState {
        case open
        /// The writer is gone, but some of its bytes wait for a commit.
        case closing
    }

    /// How many directories are remembered as durable.
    static let directoriesMax = 65_536

    private(set) var outputs: [OutputTarget.Location: OutputFile] = [:]
    private var owners: [FileIdentity: OutputFile] = [:]
    private var identities: [OutputTarget.Location: FileIdentity] = [:]
    var keys: [FileKey: KeyState] = [:]
    /// Known streams whose record should say that they were seen.
    var touched: Set<FileKey> = []
    /// Outputs that may be longer than their record, now or after a power cut, by bytes of ours that must not stay.
    var mustCut: Set<OutputTarget.Location> = []
    /// Outputs for which a rotation has begun: names are made free, or the next commit puts the file aside.
    var rotating: Set<OutputTarget.Location> = []
    /// The output whose files that were put aside are looked at or compressed.
    var tidying: OutputTarget.Location?
    /// Outputs whose files that were put aside are to be looked at.
    private var tidyQueue: [OutputTarget.Location: RotationPolicy] = [:]
    /// Those that were since the start.
    private var tidied: Set<OutputTarget.Location> = []
    /// Outputs that the committer is to look at.
    private(set) var queue: [OutputFile] = []
    var hasQueue: Bool { !queue.isEmpty }
    /// Directories whose entries are durable, as of when they were last seen to change.
    private var directoriesDurable: Set<SourcePath> = []
    var isClosed = false
    /// Outputs whose last opening, write or sync failed.
    var failures = OutputFailures()

    /// The output at a location, made when there is none.
    mutating func output(_ location: OutputTarget.Location, make: () -> OutputFile) -> OutputFile {
        if let known = outputs[location] { return known }
        let output = make()
        outputs[location] = output
        return output
    }

    /// False: another output is the same file, by a link or a symbolic link. Gives back what the output had claimed before.
    mutating func claim(_ identity: FileIdentity, for output: OutputFile) -> Bool {
        if let owner = owners[identity], owner !== output { return false }
        if let former = identities[output.location] { owners[former] = nil }
        owners[identity] = output
        identities[output.location] = identity
        return true
    }

    mutating func remove(_ output: OutputFile) {
        guard outputs[output.location] === output else { return }
        outputs[output.location] = nil
        rotating.remove(output.location)
        disown(output)
    }

    /// The output's file is no longer its own: it was put aside.
    mutating func disown(_ output: OutputFile) {
        if let identity = identities.removeValue(forKey: output.location) { owners[identity] = nil }
    }

    func isOwned(_ identity: FileIdentity) -> Bool { owners[identity] != nil }

    /// Whether files of this name belong to another output's rotation at present.
    func isReserved(_ location: OutputTarget.Location) -> Bool {
        guard !rotating.isEmpty || tidying != nil, let base = RotatedName.base(of: location.name) else { return false }
        let output = location.sibling(base)
        return rotating.contains(output) || tidying == output
    }

    /// `isAgain`: although that was done since the start. True: there is something to do.
    mutating func requestTidying(
        _ location: OutputTarget.Location, _ policy: RotationPolicy, isAgain: Bool
    ) -> Bool {
        if tidied.count > Self.directoriesMax { tidied = [] }
        guard tidied.insert(location).inserted || isAgain else { return false }
        tidyQueue[location] = policy
        return true
    }

    mutating func takeTidying() -> (location: OutputTarget.Location, policy: RotationPolicy)? {
        let first = tidyQueue.popFirst()
        tidying = first?.key
        return first.map { ($0.key, $0.value) }
    }

    /// Which directories the first commit of an output has to synchronize: all of them for a file that the journal doesn't
    /// know, because it may be new and so may they; for others those that this process hasn't synchronized yet.
    mutating func directoriesDue(of handle: any OutputFileHandle, isKnown: Bool) -> [SourcePath] {
        directoriesDurable.subtract(handle.changedDirectories)
        let isOld = isKnown && handle.changedDirectories.isEmpty
        return isOld ? handle.entryDirectories.filter { !directoriesDurable.contains($0) } : handle.entryDirectories
    }

    mutating func noteDurable(_ directories: some Collection<SourcePath>) {
        if directoriesDurable.count > Self.directoriesMax { directoriesDurable = [] }
        directoriesDurable.formUnion(directories)
    }

    /// True: the queue was empty, so the committer may be asleep.
    mutating func enqueue(_ output: OutputFile) -> Bool {
        queue.append(output)
        return queue.count == 1
    }

    mutating func takeTouched() -> Set<FileKey> {
        defer { touched = [] }
        return touched
    }

    mutating func takeQueue() -> [OutputFile] {
        defer { queue = [] }
        return queue
    }
}
