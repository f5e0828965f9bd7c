package import HamsterCore
internal import Synchronization

/// One stream's way into its output. One call at a time; closed by `close`, or with the last reference.
package final class OutputWriter: Sendable {
    private struct Progress {
        /// Of the bytes that were handed to the output.
        var written: StreamPosition
        /// Nil: `bytes` framing.
        var framer: LineFramer?
        var isClosed = false
    }

    private static let prefixedPieceBytes = 16 * 1_024

    /// Where the source has to be sent from: the stream's record, or the `startOffset` of the opening without a tail.
    package let start: StreamPosition

    private let store: Store
    private let output: OutputFile
    private let id: Int
    private let key: FileKey?
    private let endsFile: Bool
    private let received: Atomic<UInt64>
    private let progress: Mutex<Progress>

    init(
        _ store: Store, _ output: OutputFile, id: Int, key: FileKey?, start: StreamPosition, framer: LineFramer?,
        endsFile: Bool
    ) {
        self.store = store
        self.output = output
        self.id = id
        self.key = key
        self.start = start
        self.endsFile = endsFile
        received = Atomic(start.offset)
        progress = Mutex(Progress(written: start, framer: framer))
    }

    deinit { close() }

    /// The output's file.
    package var path: SourcePath { output.path }

    /// The source offset behind all bytes that were appended, whether they are in the output yet or wait for their line's end.
    package var position: UInt64 { received.load(ordering: .relaxed) }

    /// The source offset behind the last byte that is in the output: what a commit will cover at most.
    package var written: UInt64 { progress.withLock { $0.written.offset } }

    /// Whether writes to the output, this writer's or another's, wait for its disk at present, or for its file to be opened:
    /// then ``append(_:)`` belongs on a thread that may wait.
    package var isStalled: Bool { output.pace.isStalled || waitsForFile }

    /// Whether the output's file is closed, or will be by the next commit: an append may wait for that and open another.
    package var waitsForFile: Bool { !output.isReady() }

    /// Appends the next bytes of the source. Writes to the file at once, and waits for no disk but where ``isStalled`` says
    /// so, or the kernel makes a write wait. After an error the writer is of no use; what was appended before is committed as usual.
    package func append(_ bytes: RawSpan) throws(StoreError) {
        try progress.withLock { progress throws(StoreError) in
            guard !progress.isClosed else { throw StoreError(.closed, output.path) }
            if progress.framer == nil {
                progress.written.advance(over: bytes)
                try write(bytes, progress.written)
            } else {
                try appendLines(bytes, &progress)
            }
            received.add(UInt64(bytes.byteCount), ordering: .relaxed)
        }
    }

    /// Ends the stream as its sender wished. `endsFile`: the source ends here, too. Then, where the opening said so as well
    /// or the stream is a plain one, an unfinished line is written with an LF; otherwise it is dropped, and comes again.
    package func finish(endsFile: Bool) throws(StoreError) {
        try progress.withLock { progress throws(StoreError) in
            guard !progress.isClosed else { throw StoreError(.closed, output.path) }
            guard endsFile, self.endsFile, let framed = progress.framer?.finish() else { return }
            try write(framed, of: RawSpan(), &progress)
        }
    }

    /// Gives the output up. Bytes that were appended are still committed, and `onCommit` is called; an unfinished line is
    /// dropped. A second call does nothing.
    package func close() {
        let isFirst = progress.withLock { progress in
            defer {
                progress.isClosed = true
                progress.framer = nil
            }
            return !progress.isClosed
        }
        if isFirst { store.close(output, id, key) }
    }

    /// In pieces where each line grows by a prefix: memory is bounded however short the lines are.
    private func appendLines(_ bytes: RawSpan, _ progress: inout Progress) throws(StoreError) {
        let piece = progress.framer?.hasPrefix == true ? Self.prefixedPieceBytes : max(1, bytes.byteCount)
        for start in stride(from: 0, to: bytes.byteCount, by: piece) {
            let part = bytes.extracting(start..<min(start + piece, bytes.byteCount))
            if let framed = progress.framer?.append(part) { try write(framed, of: part, &progress) }
        }
    }

    private func write(
        _ framed: LineFramer.Output, of bytes: RawSpan, _ progress: inout Progress
    ) throws(StoreError) {
        progress.written = progress.framer?.written ?? progress.written
        switch framed {
        case .nothing: break
        case .span(let count): try write(bytes.extracting(0..<count), progress.written)
        case .bytes(let lines): try unsafe write(lines.span.bytes, progress.written)
        }
    }

    private func write(_ bytes: RawSpan, _ position: StreamPosition) throws(StoreError) {
        guard bytes.byteCount > 0 else { return }
        do throws(StoreError) {
            try writeWhenOpen(bytes, position)
        } catch {
            store.noteFailure(error, output)
            throw error
        }
    }

    private func writeWhenOpen(_ bytes: RawSpan, _ position: StreamPosition) throws(StoreError) {
        while true {
            switch try output.append(bytes, by: id, upTo: position) {
            case .appended(let isNews):
                store.noteAppended(bytes.byteCount)
                if isNews { store.enqueue(output) }
                return
            case .leaving: store.awaitCommit()
            case .closed: try store.reopen(output)
            }
        }
    }
}

extension Store {
    /// Ends a writer. Its key is free at once, or after the commit of its last bytes.
    func close(_ output: OutputFile, _ id: Int, _ key: FileKey?) {
        // Set before the output knows: the commit that settles the stream frees the key.
        if let key { table.withLock { $0.keys[key] = .closing } }
        let (isCommitted, isNews) = output.close(id)
        if isCommitted, let key { table.withLock { $0.keys[key] = nil } }
        if isNews { enqueue(output) }
    }
}
