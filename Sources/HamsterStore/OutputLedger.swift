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
        var moved: [Moved]
    }

    private(set) var length: UInt64
    private(set) var committedLength: UInt64
    private(set) var streams: [Int: Stream] = [:]
    private var idNext = 0

    init(length: UInt64) {
        self.length = length
        committedLength = length
    }

    var isCommitted: Bool { length == committedLength }
    var hasWriter: Bool { streams.values.contains { !$0.isClosed } }
    var uncommitted: Int { Int(length - committedLength) }

    mutating func attach(_ stream: Stream) -> Int {
        defer { idNext += 1 }
        streams[idNext] = stream
        return idNext
    }

    /// `byteCount` counts what the output got, `position` what the source gave for it.
    mutating func appended(_ byteCount: Int, by id: Int, upTo position: StreamPosition) {
        length += UInt64(byteCount)
        streams[id]?.written = position
    }

    /// Nil where all is committed.
    func snapshot() -> Snapshot? {
        guard !isCommitted else { return nil }
        let moved: [Snapshot.Moved] = streams.compactMap { id, stream in
            stream.isCommitted ? nil : Snapshot.Moved(id: id, key: stream.key, position: stream.written)
        }
        return Snapshot(length: length, moved: moved)
    }

    /// Notes what has become durable; gives the number of bytes, and the streams to be told, closed ones for the last time.
    mutating func commit(_ snapshot: Snapshot) -> (byteCount: Int, streams: [Stream]) {
        let byteCount = Int(snapshot.length - committedLength)
        committedLength = snapshot.length
        let told: [Stream] = snapshot.moved.compactMap { moved in
            streams[moved.id]?.committed = moved.position.offset
            guard let stream = streams[moved.id] else { return nil }
            if stream.isClosed, stream.isCommitted { streams[moved.id] = nil }
            return stream
        }
        return (byteCount, told)
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
        return Array(streams.values)
    }
}
