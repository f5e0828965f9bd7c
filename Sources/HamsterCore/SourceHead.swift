/// The first bytes of a source, as far as they were handed out: a file that was put in the place of another one may have
/// the same bytes before some offset, but seldom the same beginning as well.
package struct SourceHead: Sendable, Hashable {
    /// How many bytes count at most.
    package static let bytesMax = 1_024

    /// How many bytes ``checksum`` is of: all of the source, up to ``bytesMax``.
    package private(set) var byteCount: Int
    /// zlib's CRC-32 of them.
    package private(set) var checksum: UInt32

    package init() { self.init(byteCount: 0, checksum: 0) }

    /// What was kept before.
    package init(byteCount: Int, checksum: UInt32) {
        self.byteCount = byteCount
        self.checksum = checksum
    }

    /// Of the bytes that stand at the beginning of `bytes`.
    package init(_ bytes: [UInt8]) {
        let head = Array(bytes.prefix(Self.bytesMax))
        self.init(byteCount: head.count, checksum: crc32(of: head))
    }

    /// Moves on by the bytes that follow in the source; those behind ``bytesMax`` make no difference.
    package mutating func append(_ span: RawSpan) {
        let taken = min(span.byteCount, Self.bytesMax - byteCount)
        guard taken > 0 else { return }
        checksum = crc32(of: span.extracting(0..<taken), after: checksum)
        byteCount += taken
    }

    /// Whether a source that begins with these bytes (all of it, or at least ``byteCount`` of them) can be this one.
    package func matches(_ bytes: [UInt8]) -> Bool {
        bytes.count >= byteCount && Self(Array(bytes.prefix(byteCount))) == self
    }
}
