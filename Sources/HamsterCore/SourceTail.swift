private import CZlib

/// The last bytes of a source up to some offset: what `check` is computed from on both sides.
package struct SourceTail: Sendable, Hashable {
    /// How many bytes are kept at most.
    package static let bytesMax = 64

    /// The up to 64 bytes that end at the offset, oldest first.
    package private(set) var bytes: [UInt8]

    package init() { bytes = [] }

    /// Keeps the last 64 of `bytes`.
    package init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes.suffix(Self.bytesMax)) }

    /// Moves on by `span`: constant work, however long it is.
    package mutating func append(_ span: RawSpan) {
        let taken = min(span.byteCount, Self.bytesMax)
        bytes.removeFirst(max(0, bytes.count + taken - Self.bytesMax))
        for index in span.byteCount - taken..<span.byteCount {
            bytes.append(span.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
    }

    /// Nil where fewer bytes are known than a check at `offset` needs, or where there is nothing to check.
    package func check(at offset: UInt64) -> ContinuityCheck? {
        guard offset > 0, UInt64(bytes.count) == min(offset, UInt64(Self.bytesMax)) else { return nil }
        return ContinuityCheck(value: crc32(of: bytes))
    }
}

/// The CRC-32 (zlib's) of the up to 64 source bytes that end at an offset; eight hex digits on the wire.
package struct ContinuityCheck: Sendable, Hashable, CustomStringConvertible {
    package let value: UInt32

    package init(value: UInt32) { self.value = value }

    /// Nil unless `text` is eight lower-case or upper-case hex digits.
    package init?(_ text: String) {
        guard text.utf8.count == 8, text.first != "+", text.first != "-", let value = UInt32(text, radix: 16) else {
            return nil
        }
        self.value = value
    }

    package var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

/// zlib's CRC-32 of `bytes`.
package func crc32(of bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBufferPointer { buffer in
        UInt32(truncatingIfNeeded: CZlib.crc32_z(0, buffer.baseAddress, buffer.count))
    }
}

/// The CRC-32 of bytes that come after others, whose CRC-32 is `checksum`.
func crc32(of span: RawSpan, after checksum: UInt32) -> UInt32 {
    span.withUnsafeBytes { buffer in
        let bytes = buffer.bindMemory(to: UInt8.self)
        return UInt32(truncatingIfNeeded: CZlib.crc32_z(UInt(checksum), bytes.baseAddress, bytes.count))
    }
}
