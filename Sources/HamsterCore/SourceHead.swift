/// The first bytes of a source, as far as they were handed out: a file that was put in the place of another one may have
/// the same bytes before some offset, but seldom the same beginning as well.
package struct SourceHead: Sendable, Hashable {
    /// How many bytes count at most.
    package static let bytesMax = 1_024

    /// How many bytes ``checksum`` is of: all of the source, up to ``bytesMax``.
    package private(set) var byteCount: Int
    /// zlib's CRC-32 of them.
    package private(set) var checksum: UInt32
    /// That of the first 1, 2, 4 … 64, 128, 192, 256 … bytes, for sources that have fewer; none where they are not known.
    package private(set) var prefixes: [UInt32]

    package init() { self.init(byteCount: 0, checksum: 0) }

    /// What was kept before.
    package init(byteCount: Int, checksum: UInt32, prefixes: [UInt32] = []) {
        self.byteCount = byteCount
        self.checksum = checksum
        self.prefixes = prefixes
    }

    /// Of the bytes that stand at the beginning of `bytes`.
    package init(_ bytes: [UInt8]) {
        self.init()
        append(bytes.span.bytes)
    }

    /// Moves on by the bytes that follow in the source; those behind ``bytesMax`` make no difference.
    package mutating func append(_ span: RawSpan) {
        let end = min(span.byteCount, Self.bytesMax - byteCount)
        var start = 0
        while start < end {
            // Up to the next boundary; where the ones before are not known, it makes no difference.
            let boundary = Self.boundary(prefixes.count)
            let taken = boundary > byteCount ? min(boundary - byteCount, end - start) : end - start
            checksum = crc32(of: span.extracting(start..<start + taken), after: checksum)
            byteCount += taken
            start += taken
            if byteCount == boundary { prefixes.append(checksum) }
        }
    }

    /// Whether a source that begins with these bytes (all of it, or at least ``byteCount`` of them) can be this one.
    package func matches(_ bytes: [UInt8]) -> Bool {
        bytes.count >= byteCount && crc32(of: Array(bytes.prefix(byteCount))) == checksum
    }

    /// Whether a shorter source that begins with these bytes can be the beginning of this one. False where that is not known.
    package func beginsWith(_ bytes: [UInt8]) -> Bool {
        if bytes.count >= byteCount { return byteCount > 0 && matches(bytes) }
        guard let index = prefixes.indices.last(where: { Self.boundary($0) <= bytes.count }) else { return false }
        return crc32(of: Array(bytes.prefix(Self.boundary(index)))) == prefixes[index]
    }

    /// How many bytes a prefix is of. All but the last 63 bytes of a shorter source count: many begin with the same lines.
    private static func boundary(_ index: Int) -> Int { index < 7 ? 1 << index : 64 * (index - 5) }
}
