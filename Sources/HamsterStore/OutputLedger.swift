internal import HamsterCore

/// Who wrote how much to one output, and how much of it is committed. A value: length and positions change together.
struct OutputLedger {
    /// One writer's part; it stays after the writer has closed until its bytes are committed.
    struct Stream {
        var key: FileKey?
        /// The source's position up to which the output holds its bytes.
        var written: StreamPosition
        var committed: UInt64
        var isClosed = false
        var onCommit: @Sendable (UInt64) -> Void
        var onFailure: @Sendable (StoreError) -> Void

        var isCommitted: Bool { written.offset == committed }
    }

    /// What one commit will make durable; bytes that come later belong to the next.
    struct Snapshot: Sendable {
        struct Moved: Sendable {
            var id: Int
            var key: FileKey?
            var position: StreamPosition
        }

        var length: UInt64
        /// Appended since the commit before.
        var byteCount: Int
        var moved: [Moved]
    }

    private(set) var length: UInt64
    private(set) var committedLength: UInt64
    /// Bytes that were appended since the last commit.
    private(set) var uncommitted = 0
    private(set) var streams: [Int: Stream] = [:]
    private var idNext = 0

    init(length: UInt64) {
        self.length = length
        committedLength = length
    }

    var isCommitted: Bool { uncommitted == 0 }
    var hasWriter: Bool { streams.values.contains { !$0.isClosed } }

    mutating func attach(_ stream: Stream) -> Int {
        defer { idNext += 1 }
        streams[idNext] = stream
        return idNext
    }

    /// `byteCount` counts what the output got, `position` what the source gave for it.
    mutating func appended(_ byteCount: Int, by id: Int, upTo position: StreamPosition) {
        length += UInt64(byteCount)
        uncommitted += byteCount
        streams[id]?.written = position
    }

    /// Nil where all is committed.
    func snapshot() -> Snapshot? {
        guard !isCommitted else { return nil }
        let moved: [Snapshot.Moved] = streams.compactMap { id, stream in
            stream.isCommitted ? nil : Snapshot.Moved(id: id, key: stream.key, position: stream.written)
        }
        return Snapshot(length: length, byteCount: uncommitted, moved: moved)
    }

    /// The writers go on with another file, or with this one at another length. All is committed.
    mutating func move(to length: UInt64) {
        precondition(isCommitted, "bytes that wait for their commit belong to the old file")
        self.length = length
        committedLength = length
    }

    /// Somebody else has cut the file to `size`. What was appended counts as written: whether it was cut off, or copied
    /// before, nobody can know.
    mutating func shrink(to size: UInt64) {
        length = size
        committedLength = min(committedLength, size)
    }

    /// Notes what has become durable; gives the streams to be told, closed ones for the last time.
    mutating func commit(_ snapshot: Snapshot) -> [Stream] {
        committedLength = snapshot.length
        uncommitted -= snapshot.byteCount
        return snapshot.moved.compactMap { settle($0.id, at: $0.position.offset) }
    }

    private mutating func settle(_ id: Int, at offset: UInt64) -> Stream? {
        streams[id]?.committed = offset
        guard let stream = streams[id] else { return nil }
        if stream.isClosed, stream.isCommitted { streams[id] = nil }
        return stream
    }

    /// Ends a writer: whether nothing of it waits for a commit. Then it is dropped, and given back.
    mutating func close(_ id: Int) -> (isCommitted: Bool, stream: Stream?) {
        streams[id]?.isClosed = true
        guard streams[id]?.isCommitted ?? true else { return (false, nil) }
        return (true, streams.removeValue(forKey: id))
    }

    /// Goes back to the last commit and forgets all streams, which are returned.
    mutating func rollBack() -> [Stream] {
        defer { streams = [:] }
        length = committedLength
        uncommitted = 0
        return Array(streams.values)
    }

    /// The file was removed, and with it what was not committed. A stream with such bytes is dropped where it can send
    /// them again (`resuming`); a plain one can't, and goes on behind them (`settled`). The others notice nothing.
    mutating func abandon() -> (resuming: [Stream], settled: [Stream]) {
        uncommitted = 0
        let moved = streams.filter { !$0.value.isCommitted }
        let resuming = moved.filter { $0.value.key != nil }
        for id in resuming.keys { streams[id] = nil }
        let settled = moved.compactMap { id, stream in
            stream.key == nil ? settle(id, at: stream.written.offset) : nil
        }
        return (Array(resuming.values), settled)
    }
}
