internal import HamsterCore
internal import HamsterMetrics
internal import NIOCore

/// Counts one stream's bytes on their way: received, written, committed. Offsets are the source's.
final class StreamTally: Sendable {
    private let received: Counter
    private let lines: Counter
    private let written: OffsetCounter
    private let committed: OffsetCounter

    init(received: Counter, written: Counter, committed: Counter, lines: Counter) {
        self.received = received
        self.lines = lines
        self.written = OffsetCounter(written)
        self.committed = OffsetCounter(committed)
    }

    /// What comes from here on counts.
    func begin(at offset: UInt64) {
        written.begin(at: offset)
        committed.begin(at: offset)
    }

    func received(_ batch: ByteBuffer) {
        received.add(UInt64(batch.readableBytes))
        lines.add(UInt64(lineFeedCount(in: batch.readableBytesSpan)))
    }

    /// The output has all before this offset. On the stream's event loop.
    func written(upTo offset: UInt64) { written.advance(to: offset) }

    /// All before this offset is durable. On the committer's thread.
    func committed(upTo offset: UInt64) { committed.advance(to: offset) }
}
