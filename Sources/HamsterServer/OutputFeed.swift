internal import HamsterRateLimit
internal import HamsterStore
internal import NIOCore
internal import NIOPosix

/// Brings a stream's bytes to its output, in order and no faster than its rates allow: on the event loop while the output is
/// quick, on the thread pool while it stalls, so that one slow disk delays no other stream of the loop. Confined to the loop.
final class OutputFeed {
    /// With so many batches waiting the stream reads no more.
    private static let queuedBatchesMax = 2

    private let writer: OutputWriter
    private let loop: any EventLoop
    private let threadPool: NIOThreadPool
    private var queue = CircularBuffer<ByteBuffer>(initialCapacity: queuedBatchesMax)
    private var isWriting = false
    private var failure: StoreError?
    private var gate: RateGate?
    /// Called whenever something that the stream had to wait for is over: batches are written, or failed to be, or its rates
    /// let it go on.
    var onProgress: (() -> Void)?

    init(writer: OutputWriter, loop: any EventLoop, threadPool: NIOThreadPool) {
        self.writer = writer
        self.loop = loop
        self.threadPool = threadPool
    }

    /// From now on what is appended counts to the rates of `host` and `output`. Returns where the stream waits.
    func limit(by limiter: RateLimiter, host: String, output: String) -> RateGate {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let gate = limiter.gate(host: host, output: output) { [loop] in
            loop.execute { bound.value.onProgress?() }
        }
        self.gate = gate
        return gate
    }

    /// Nothing more comes: the stream's share is for others.
    func leaveLimits() { gate = nil }

    /// How much should come at once, at most, in bytes.
    var batchBytesMax: Int? { gate?.batchBytesMax }

    /// No batch is on its way to the output.
    var isDrained: Bool { !isWriting && queue.isEmpty }

    /// Whether there is room for a batch now, and the rates allow one. False: not before ``onProgress``.
    func mayTake() -> Bool { queue.count < Self.queuedBatchesMax && gate?.mayRead() ?? true }

    /// Writes or queues one batch. Throws what this or an earlier batch failed with; nothing is written after that.
    func append(_ batch: ByteBuffer) throws(StoreError) {
        if let failure { throw failure }
        gate?.spend(batch.readableBytes)
        guard !writer.isStalled, isDrained else {
            queue.append(batch)
            writeNext()
            return
        }
        try write(batch)
    }

    /// The error of a batch that was queued.
    func check() throws(StoreError) {
        if let failure { throw failure }
    }

    private func write(_ batch: ByteBuffer) throws(StoreError) {
        do {
            try writer.append(batch.readableBytesSpan)
        } catch {
            failure = error
            throw error
        }
    }

    private func writeNext() {
        guard !isWriting, failure == nil, let batch = queue.popFirst() else { return }
        isWriting = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (writer, loop) = (writer, loop)
        threadPool.submit { _ in
            var failure: StoreError?
            do throws(StoreError) {
                try writer.append(batch.readableBytesSpan)
            } catch {
                failure = error
            }
            loop.execute { [failure] in bound.value.wrote(failure) }
        }
    }

    private func wrote(_ failure: StoreError?) {
        isWriting = false
        if let failure {
            self.failure = failure
            queue.removeAll()
        }
        writeNext()
        onProgress?()
    }
}
