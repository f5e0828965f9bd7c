package import HamsterCore

/// Reads one source in order and sees to it that it stays the same source: every read begins with the bytes before it,
/// which must be those that were read last. So a file that was truncated and has grown past the offset between two reads
/// is noticed at the next one, without another system call.
///
/// A value without I/O: the caller reads where ``next(below:)`` says and hands over what it got.
package struct SourceReader: Sendable {
    /// How many new bytes are asked for at once.
    package static let batchBytes = 256 * 1_024

    /// Where to read: `byteCount` bytes from `offset` on.
    package struct Request: Sendable, Hashable {
        package var offset: UInt64
        package var byteCount: Int
    }

    /// What a read has brought.
    package enum Answer: Sendable, Hashable {
        /// The bytes behind the first `overlap` ones are new.
        case batch(overlap: Int)
        /// Nothing new.
        case end
        /// What was read before is not there any more.
        case replaced
    }

    /// Up to where the source was read.
    package private(set) var position: SourcePosition

    /// Goes on behind what is known to have been sent.
    package init(from position: SourcePosition) { self.position = position }

    package var offset: UInt64 { position.offset }

    /// Whether the next read begins where the source does, and so sees all of its beginning.
    package var startsAtBeginning: Bool { offset == UInt64(overlap) }

    /// The next read; nil where the limit is reached.
    package func next(below sizeLimit: UInt64?) -> Request? {
        let left = sizeLimit.map { $0 > offset ? $0 - offset : 0 } ?? .max
        guard left > 0 else { return nil }
        return Request(
            offset: offset - UInt64(overlap), byteCount: overlap + Int(min(left, UInt64(Self.batchBytes))))
    }

    /// Takes what was read from the last request's offset on; fewer bytes than asked for are the file's end or not.
    package mutating func accept(_ bytes: RawSpan) -> Answer {
        let overlap = overlap
        guard bytes.byteCount >= overlap, isExpected(bytes.extracting(0..<overlap)) else { return .replaced }
        guard bytes.byteCount > overlap else { return .end }
        position.advance(over: bytes.extracting(overlap..<bytes.byteCount))
        return .batch(overlap: overlap)
    }

    private var overlap: Int { position.tail.bytes.count }

    private func isExpected(_ bytes: RawSpan) -> Bool {
        unsafe position.tail.bytes.withUnsafeBytes { expected in
            unsafe bytes.withUnsafeBytes { found in unsafe found.elementsEqual(expected) }
        }
    }
}

/// Where batches ended that were sent and are not acknowledged: an acknowledgement becomes a position from which the
/// file can be checked after a restart. Takes no more memory however far the acknowledgements stay behind.
package struct SentPositions: Sendable {
    /// With more than so many, every second one is forgotten, and new ones are kept half as often.
    private static let positionsMax = 512

    /// The last one is the newest, whatever the stride.
    private var positions: [SourcePosition] = []
    /// Of how many batches one is kept.
    private var stride = 1
    /// Batches since the last one that is kept.
    private var batches = 0

    package init() {}

    /// A batch was sent that ends here.
    package mutating func append(_ position: SourcePosition) {
        batches += 1
        if batches < stride, !positions.isEmpty {
            positions[positions.count - 1] = position
            return
        }
        batches = 0
        positions.append(position)
        guard positions.count > Self.positionsMax else { return }
        stride *= 2
        positions = positions.enumerated().compactMap { $0.offset.isMultiple(of: 2) ? $0.element : nil }
    }

    /// The furthest position at or below an acknowledged offset; nil where there is no newer one than at the last call.
    package mutating func acknowledged(_ offset: UInt64) -> SourcePosition? {
        let count = positions.prefix { $0.offset <= offset }.count
        guard count > 0 else { return nil }
        defer {
            positions.removeFirst(count)
            if positions.isEmpty { stride = 1 }
        }
        return positions[count - 1]
    }
}
