package import HamsterCore
internal import HamsterFiles
internal import Synchronization

extension Store {
    /// Opens an output for one stream. Blocks: the file is opened or made, and where the journal doesn't know it as it
    /// is, a record is made durable first, in one sync with all other openings that wait.
    ///
    /// An acknowledged stream has a `key`; it goes on from its record, and from `startOffset` where there is none:
    /// `OutputWriter.start` says. If a closed writer of this key has bytes that wait for a commit, that is done first.
    ///
    /// - `maker`: the host to which the output counts where the journal doesn't know it yet.
    /// - `endsFile`: the source is complete, and this stream brings its last byte.
    /// - `linePrefix`: put before each line; `lines` framing only.
    /// - `onCommit`: the source offset below which all is durable. Called from the commit's thread, with growing offsets,
    ///   after `close` too. Must neither block nor call the store.
    /// - `onFailure`: the output failed through no call of this writer, which is of no use any more.
    ///
    /// Throws `busy` when the key is open, when a `bytes` output has a writer, or when the file is open by another name.
    package func open(
        _ target: OutputTarget, key: FileKey?, maker: String? = nil, startOffset: UInt64, endsFile: Bool,
        linePrefix: [UInt8] = [], onCommit: @escaping @Sendable (UInt64) -> Void,
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) -> OutputWriter {
        let location = target.location.canonical(below: configuration.directory)
        let path = location.located(in: configuration.directory).path
        if let key { try reserve(key, path) }
        do {
            let known = key.flatMap { committedPosition(of: $0) }
            let start = known ?? StreamPosition(offset: startOffset)
            let stream = OutputLedger.Stream(
                key: key, written: start, committed: start.offset, onCommit: onCommit, onFailure: onFailure)
            let (output, id) = try attach(stream, target, location, maker: maker)
            if let key, known != nil { noteSeen(key) }
            let framer =
                target.framing == .bytes
                ? nil : LineFramer(from: start, lineBytesMax: configuration.lineBytesMax, prefix: linePrefix)
            return OutputWriter(
                self, output, id: id, key: key, start: start, framer: framer, endsFile: endsFile || key == nil)
        } catch {
            if let key { table.withLock { $0.keys[key] = nil } }
            throw error
        }
    }

    /// Makes the key this opening's; a closed writer's bytes are committed before, so that the record is true.
    private func reserve(_ key: FileKey, _ path: SourcePath) throws(StoreError) {
        func take() -> StoreTable.KeyState? {
            table.withLock { table in
                let state = table.keys[key]
                if state == nil { table.keys[key] = .open }
                return state
            }
        }
        var state = take()
        if state == .closing {
            try commit()
            state = take()
        }
        if state != nil { throw StoreError(.busy, path) }
    }

    private func attach(
        _ stream: OutputLedger.Stream, _ target: OutputTarget, _ location: OutputTarget.Location, maker: String?
    ) throws(StoreError) -> (OutputFile, Int) {
        let path = location.located(in: configuration.directory).path
        while true {
            let found = table.withLock { table -> Result<OutputFile, StoreError> in
                if table.isClosed { return .failure(StoreError(.closed, path)) }
                if table.isReserved(location) { return .failure(StoreError(.busy, path)) }
                return .success(
                    table.output(location) { OutputFile(target, location, path: path, spaceFloor: spaceFloor) })
            }
            let output = try found.get()
            do {
                let attachment = try output.attach(stream, framing: target.framing) { () throws(StoreError) in
                    try openFile(of: output, target, maker: maker)
                }
                switch attachment {
                case .attached(let id):
                    noteRotation(target.rotation, of: output)
                    rotateIfDue(output)
                    table.withLock { $0.failures.opened(location) }
                    return (output, id)
                case .leaving: awaitCommit()
                case .retired: table.withLock { $0.remove(output) }
                case .failed:
                    try commit()
                    retire(output)
                }
            } catch {
                if output.isRetired { table.withLock { $0.remove(output) } }
                noteFailure(error, output, isOfOpening: true)
                throw error
            }
        }
    }

    /// Remembers what befell an output, as far as it is the output's own trouble.
    func noteFailure(_ error: StoreError, _ output: OutputFile, isOfOpening: Bool = false) {
        guard error.code == .output else { return }
        table.withLock { $0.failures.note(error, at: output.location, isOfOpening: isOfOpening) }
    }

    /// Opens the file of an output whose writers have outlived the one before.
    func reopen(_ output: OutputFile) throws(StoreError) {
        try output.reopen { () throws(StoreError) in
            try openFile(of: output, output.target, maker: nil)
        }
        rotateIfDue(output)
    }

    private func openFile(
        of output: OutputFile, _ target: OutputTarget, maker: String?
    ) throws(StoreError) -> OutputFile.Opened {
        let handle = try StoreError.about(output.path, .output) { () throws(FileError) in
            try fileSystem.openOutput(
                output.location.located(in: configuration.directory),
                OutputOpening(mode: target.mode, owner: target.owner, group: target.group))
        }
        let status = try StoreError.about(output.path, .output) { () throws(FileError) in try handle.status() }
        try StoreError.about(output.path, .output) { () throws(FileError) in
            try spaceFloor?.check(handle, on: status.device, output.path)
        }
        guard table.withLock({ $0.claim(status.identity, for: output) }) else { throw StoreError(.busy, output.path) }
        // Of a file that was to be put aside when it was removed or renamed.
        table.withLock { _ = $0.rotating.remove(output.location) }
        let known = journal.read { $0.outputs[output.location] }
        report(status, of: output, known)
        let length = try cutLength(of: output, handle, status, known)
        let record = OutputRecord(
            number: journal.read { $0.number(of: output.location) }, location: output.location,
            identity: status.identity, length: length, lastSeen: now(), maker: known == nil ? maker : known?.maker)
        let isKnown = known?.identity == record.identity && known?.length == record.length
        let due = table.withLock { $0.directoriesDue(of: handle, isKnown: isKnown) }
        // Else a crash before the first commit would leave bytes that no record tells from older ones.
        if !isKnown { try journal.register(record) }
        return OutputFile.Opened(
            handle: handle, record: record, directoriesDue: due, isFoundByPath: isFound(output, status),
            since: length == 0 ? nil : (status.born ?? status.modified).seconds, device: status.device)
    }

    /// An output that is shorter than its record was cut by somebody else.
    private func report(_ status: FileStatus, of output: OutputFile, _ known: OutputRecord?) {
        guard let known, known.identity == status.identity, status.size < known.length else { return }
        onFailure(StoreError(.truncated, output.path, number: known.length - status.size))
    }

    /// False where that can't be found out either: then a rename is not noticed, and has to be told (`reopenOutputs`).
    private func isFound(_ output: OutputFile, _ status: FileStatus) -> Bool {
        guard let named = try? fileSystem.status(of: output.path) else { return false }
        return named.identity == status.identity
    }

    /// The output's length, after what a failure has left behind its recorded end was cut off.
    private func cutLength(
        of output: OutputFile, _ handle: any OutputFileHandle, _ status: FileStatus, _ known: OutputRecord?
    ) throws(StoreError) -> UInt64 {
        guard let known, table.withLock({ $0.mustCut.contains(output.location) }) else { return status.size }
        var length = status.size
        if known.identity == status.identity, known.length <= length {
            try journal.settle()
            length = known.length
            try StoreError.about(output.path, .output) { () throws(FileError) in
                if length < status.size { try handle.truncate(to: length) }
                // Cut here or right after the failure: a file that is put aside next has no record that a start would cut it by.
                if configuration.sync == .commit { try handle.synchronize() }
            }
        }
        table.withLock { _ = $0.mustCut.remove(output.location) }
        return length
    }

    /// A stream that only ever comes back to say that it has nothing new must not be forgotten for it.
    private func noteSeen(_ key: FileKey) {
        guard let record = journal.read({ $0.record(of: key) }), now() - record.lastSeen > 86_400 else { return }
        table.withLock { _ = $0.touched.insert(key) }
    }
}
