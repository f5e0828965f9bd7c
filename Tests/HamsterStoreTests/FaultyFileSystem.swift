import Glibc
import HamsterCore
import HamsterFiles
import Synchronization

/// The real file system until a chosen step; then that step fails, or everything stops as in a crash.
///
/// A step is what changes the disk: append, synchronize, truncate, replace, sync of a directory. `cutPower` takes away
/// what no sync has reached.
final class FaultyFileSystem: FileSystem {
    enum Step: Hashable { case append, synchronize, truncate, replace, rename, remove, directory }

    enum Fault {
        /// All steps from this number on fail; the first does half of its work, or all of it.
        case crash(atStep: Int, isDone: Bool)
        /// Steps of this kind fail while the path ends so.
        case error(Step, pathSuffix: String, code: Int32)
        /// Appends fail after half of their bytes, and truncations fail, while the path ends so.
        case torn(pathSuffix: String)
    }

    struct State {
        var fault: Fault?
        var stepCount = 0
        var counts: [Step: Int] = [:]
        /// Paths, and the length that a sync has reached.
        var durable: [SourcePath: UInt64] = [:]
        /// Open files, by the name that they have now.
        var names: [ObjectIdentifier: SourcePath] = [:]
        /// What files say of their file system; nil: the truth.
        var freeSpace: UInt64?
        /// Called before each step, with its path, until it says true; not while another such call runs.
        var onStep: (@Sendable (Step, SourcePath) -> Bool)?
    }

    let state = Mutex(State())
    private let real = LinuxFileSystem()

    /// False: `synchronize` of files and directories only counts, for tests with very many commits.
    fileprivate let syncs: Bool

    init(_ fault: Fault? = nil, syncs: Bool = true) {
        self.syncs = syncs
        state.withLock { $0.fault = fault }
    }

    func setFreeSpace(_ bytes: UInt64?) { state.withLock { $0.freeSpace = bytes } }
    func set(_ fault: Fault?) { state.withLock { $0.fault = fault } }
    /// What was set before goes without the lock: it may hold the last reference to a store.
    func setOnStep(_ body: (@Sendable (Step, SourcePath) -> Bool)?) {
        _ = state.withLock { state in
            defer { state.onStep = body }
            return state.onStep
        }
    }
    func count(_ step: Step) -> Int { state.withLock { $0.counts[step] ?? 0 } }
    var stepCount: Int { state.withLock { $0.stepCount } }

    /// Runs a step, part of it, or nothing. `part` is what a crash in its middle leaves behind.
    func step(
        _ step: Step, _ operation: FileOperation, _ path: SourcePath, part: () throws(FileError) -> Void = {},
        whole: () throws(FileError) -> Void
    ) throws(FileError) {
        let onStep = state.withLock { state in
            defer { state.onStep = nil }
            return state.onStep
        }
        if let onStep, !onStep(step, path) { state.withLock { $0.onStep = onStep } }
        let (number, fault) = state.withLock { state in
            state.stepCount += 1
            state.counts[step, default: 0] += 1
            return (state.stepCount, state.fault)
        }
        switch fault {
        case .crash(let at, let isDone) where number >= at:
            if number == at { if isDone { try whole() } else { try part() } }
            throw FileError(operation, path, code: EIO)
        case .error(step, let suffix, let code) where path.description.hasSuffix(suffix):
            throw FileError(operation, path, code: code)
        case .torn(let suffix) where path.description.hasSuffix(suffix) && (step == .append || step == .truncate):
            try part()
            var error = FileError(operation, path, code: EIO)
            error.remains = step == .append ? .torn(bytes: 1) : nil
            throw error
        default: try whole()
        }
    }

    /// What a power cut leaves: each file as long as its last sync made it.
    func cutPower() throws {
        for (path, length) in state.withLock({ $0.durable }) {
            guard let status = try real.status(of: path), status.size > length else { continue }
            try real.openOutput(.absolute(path), OutputOpening()).truncate(to: length)
        }
    }

    func open(_ path: SourcePath) throws(FileError) -> any ReadableFile { try real.open(path) }
    func status(of path: SourcePath) throws(FileError) -> FileStatus? { try real.status(of: path) }
    func entries(of directory: SourcePath) throws(FileError) -> [DirectoryEntry] { try real.entries(of: directory) }
    func remove(_ path: SourcePath) throws(FileError) {
        try step(.remove, .remove, path) { () throws(FileError) in
            try real.remove(path)
            state.withLock { state in
                state.durable[path] = nil
                state.names = state.names.filter { $0.value != path }
            }
        }
    }
    func rename(_ path: SourcePath, to other: SourcePath) throws(FileError) {
        try step(.rename, .rename, path) { () throws(FileError) in
            try real.rename(path, to: other)
            state.withLock { state in
                state.durable[other] = state.durable.removeValue(forKey: path)
                // What had the name has none any more.
                state.names = state.names.filter { $0.value != other }
                for (file, name) in state.names where name == path { state.names[file] = other }
            }
        }
    }
    func contents(of path: String, bytesMax: Int) throws(FileError) -> [UInt8]? {
        try real.contents(of: path, bytesMax: bytesMax)
    }
    func lock(_ path: String) throws(FileError) -> any FileLock { try real.lock(path) }
    func makeDirectory(_ path: String, mode: UInt32) throws(FileError) { try real.makeDirectory(path, mode: mode) }

    func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
        let name = SourcePath(path)
        try step(.replace, .replace, name) { () throws(FileError) in
            try real.replace(path, with: bytes, mode: mode)
            state.withLock { $0.durable[name] = UInt64(bytes.count) }
        }
    }

    func synchronizeDirectory(_ path: SourcePath) throws(FileError) {
        try step(.directory, .synchronize, path) { () throws(FileError) in
            if syncs { try real.synchronizeDirectory(path) }
        }
    }

    func openOutput(
        _ location: OutputLocation, _ opening: OutputOpening
    ) throws(FileError) -> any OutputFileHandle {
        let handle = try real.openOutput(location, opening)
        let size = try handle.status().size
        let output = FaultyOutput(self, handle, location.path)
        state.withLock { state in
            // A file that was just made, or one of before.
            if state.durable[location.path] == nil || size == 0 { state.durable[location.path] = size }
            state.names[ObjectIdentifier(output)] = location.path
        }
        return output
    }
}

private final class FaultyOutput: OutputFileHandle {
    private let fileSystem: FaultyFileSystem
    private let real: any OutputFileHandle
    private let path: SourcePath

    init(_ fileSystem: FaultyFileSystem, _ real: any OutputFileHandle, _ path: SourcePath) {
        self.fileSystem = fileSystem
        self.real = real
        self.path = path
    }

    deinit {
        fileSystem.state.withLock { $0.names[ObjectIdentifier(self)] = nil }
    }

    var entryDirectories: [SourcePath] { real.entryDirectories }
    var changedDirectories: Set<SourcePath> { real.changedDirectories }
    func status() throws(FileError) -> FileStatus { try real.status() }
    func freeSpace() throws(FileError) -> UInt64 {
        if let freeSpace = fileSystem.state.withLock({ $0.freeSpace }) { return freeSpace }
        return try real.freeSpace()
    }

    func append(_ bytes: RawSpan) throws(FileError) {
        let half = bytes.extracting(0..<bytes.byteCount / 2)
        try fileSystem.step(.append, .append, path, part: { () throws(FileError) in try real.append(half) }) {
            () throws(FileError) in try real.append(bytes)
        }
    }

    func synchronize() throws(FileError) {
        try fileSystem.step(.synchronize, .synchronize, path) { () throws(FileError) in
            if fileSystem.syncs { try real.synchronize() }
            let size = try real.status().size
            fileSystem.state.withLock { state in
                if let name = state.names[ObjectIdentifier(self)] { state.durable[name] = size }
            }
        }
    }

    func truncate(to length: UInt64) throws(FileError) {
        try fileSystem.step(.truncate, .truncate, path) { () throws(FileError) in
            try real.truncate(to: length)
            fileSystem.state.withLock { state in
                guard let name = state.names[ObjectIdentifier(self)] else { return }
                state.durable[name] = min(state.durable[name] ?? length, length)
            }
        }
    }
}
