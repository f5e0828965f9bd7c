internal import DequeModule
internal import HamsterProtocol
internal import NIOCore
internal import Synchronization

/// Compresses the batches of one stream, in their order and away from the event loop, which reads the next one and encrypts
/// the last one meanwhile. On that event loop only.
final class StreamCompressor {
    /// What is shorter is compressed by the event loop itself: that is done before another thread has woken up.
    static let bytesOnLoopMax = 16 * 1_024
    /// One that is compressed, and what lasts until the event loop has its turn.
    private static let batchesMax = 4

    private let pool: CompressionPool
    private let loop: any EventLoop
    private let stream: CompressedStream
    private var batchCount = 0
    /// For the batch that is read next.
    private var room: CompressionPool.Room?
    private var awaitsRoom = false

    /// Nil where there is no memory.
    init?(_ pool: CompressionPool, on loop: any EventLoop) {
        guard let deflater = Deflater() else { return nil }
        self.pool = pool
        self.loop = loop
        stream = CompressedStream(deflater)
        pool.start()
    }

    /// Everything taken was handed on.
    var isIdle: Bool { batchCount == 0 }

    /// Whether the next batch may be read. False: ask again when a batch was handed on or, where it is room that is short,
    /// when `onRoom` is called, on the event loop. `isLimited`: how much a batch costs has to be known before the next one.
    func mayRead(isLimited: Bool, onRoom: @escaping @Sendable () -> Void) -> Bool {
        guard batchCount < (isLimited ? 1 : Self.batchesMax), !awaitsRoom else { return false }
        guard room == nil else { return true }
        let bound = NIOLoopBound(self, eventLoop: loop)
        room = pool.room { [loop] room in
            loop.execute {
                // Where it is not wanted any more, the next one gets it.
                guard bound.value.awaitsRoom else { return }
                bound.value.room = room
                bound.value.awaitsRoom = false
                onRoom()
            }
        }
        awaitsRoom = room == nil
        return !awaitsRoom
    }

    /// Nothing can be read for now: the room is for others.
    func rest() {
        room = nil
        awaitsRoom = false
    }

    /// Gives the compressed bytes where they are to be had at once; nil: `then` gets them on the event loop, after those of all
    /// batches before, and not at all after ``cancel()``.
    func compress(_ batch: ByteBuffer, then: @escaping @Sendable (ByteBuffer) -> Void) -> ByteBuffer? {
        guard !isIdle || batch.readableBytes > Self.bytesOnLoopMax else { return stream.compressed(batch) }
        batchCount += 1
        let bound = NIOLoopBound(self, eventLoop: loop)
        let work = CompressedStream.Work(batch: batch, room: room.take()) { [loop] bytes, room in
            loop.execute {
                bound.value.batchCount -= 1
                if !bound.value.stream.isCancelled { then(bytes) }
                // Until here the bytes were counted as on their way.
                withExtendedLifetime(room) {}
            }
        }
        stream.add(work, to: pool)
        return nil
    }

    /// Compresses nothing more but a batch that a thread is busy with.
    func cancel() {
        rest()
        stream.cancel()
    }
}

/// The compressor of one stream and what waits for it. At most one thread is busy with it.
private final class CompressedStream: Sendable {
    struct Work: Sendable {
        var batch: ByteBuffer
        /// Nil: what follows a question to the disk was read without.
        var room: CompressionPool.Room?
        var then: @Sendable (ByteBuffer, CompressionPool.Room?) -> Void
    }

    private struct State {
        var waiting = Deque<Work>()
        /// A thread is busy with the stream, or will be.
        var isScheduled = false
        var isCancelled = false
    }

    /// Batches in one turn of a thread: most turns follow each other, and each may wake another thread up.
    private static let batchesPerTurn = 4

    /// Locked as long as a batch takes; nobody waits for it, since only one thread at a time is busy with the stream.
    private let deflater: Mutex<Deflater>
    private let state = Mutex(State())

    init(_ deflater: sending Deflater) { self.deflater = Mutex(deflater) }

    var isCancelled: Bool { state.withLock(\.isCancelled) }

    func compressed(_ batch: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBuffer()
        deflater.withLock { $0.deflate(batch, into: &bytes) }
        return bytes
    }

    func add(_ work: Work, to pool: CompressionPool) {
        let isFirst = state.withLock { state in
            state.waiting.append(work)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { pool.submit { self.work(pool) } }
    }

    /// One turn; then a thread is for other streams, if there are any.
    private func work(_ pool: CompressionPool) {
        for _ in 0..<Self.batchesPerTurn {
            guard let work = next() else { return }
            work.then(compressed(work.batch), work.room)
        }
        pool.submit { self.work(pool) }
    }

    /// Nil: there is no more for now.
    private func next() -> Work? {
        state.withLock { state in
            let work = state.waiting.popFirst()
            state.isScheduled = work != nil
            return work
        }
    }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            state.waiting.removeAll()
        }
    }
}
