internal import HamsterCore

/// The journal's bytes: a header, then one frame per commit.
///
/// Header, 20 bytes: `LHJOURN`, version, salt (8), CRC-32 of the 16 before. Frame: marker (4), payload length (4), CRC-32
/// (4), payload. Numbers are little-endian. Marker and CRC depend on the salt and the CRC on the frame's offset too:
/// the payload holds bytes that strangers wrote (a stream's last 64), and those can't be made to look like a frame.
package struct JournalFormat: Sendable, Hashable {
    static let version: UInt8 = 1
    static let headerSize = 20
    static let frameHeadSize = 12
    private static let magic = Array("LHJOURN".utf8) + [version]

    /// Random, new with every file.
    package var salt: UInt64

    package init(salt: UInt64) { self.salt = salt }

    /// Why a journal can't be used.
    package enum Damage: Error, Hashable {
        case unknownVersion(UInt8)
        case damaged(atByte: Int)
    }

    /// What a journal's bytes hold.
    package struct Content {
        package var format: JournalFormat
        package var commits: [CommitRecord]
        /// What is behind is a frame that a crash tore.
        package var validSize: Int
    }

    /// What a journal begins with.
    package var header: [UInt8] {
        let head = Self.magic + Self.bytes(of: salt)
        return head + Self.bytes(of: crc32(of: head))
    }

    /// A frame for the end of a journal of `offset` bytes.
    package func frame(_ payload: [UInt8], at offset: Int) -> [UInt8] {
        marker + Self.bytes(of: UInt32(payload.count)) + Self.bytes(of: checksum(payload[...], at: offset)) + payload
    }

    /// Reads a whole journal. A frame that doesn't hold is the torn last one, unless one that holds comes after it.
    package static func read(_ bytes: [UInt8]) throws(Damage) -> Content {
        let format = try readHeader(bytes)
        var content = Content(format: format, commits: [], validSize: headerSize)
        while let payload = format.payload(in: bytes, at: content.validSize) {
            // What the CRC vouches for, and yet is no commit, was not torn by a crash.
            guard let commit = CommitRecord(payload: payload) else { throw .damaged(atByte: content.validSize) }
            content.commits.append(commit)
            content.validSize = payload.endIndex
        }
        if format.hasFrame(in: bytes, after: content.validSize) { throw .damaged(atByte: content.validSize) }
        return content
    }

    private static func readHeader(_ bytes: [UInt8]) throws(Damage) -> Self {
        guard bytes.count >= headerSize, bytes.starts(with: magic.dropLast()) else { throw .damaged(atByte: 0) }
        // Of another version only the place of the version is known.
        guard bytes[7] == version else { throw .unknownVersion(bytes[7]) }
        guard number(bytes[16..<20]) == UInt64(crc32(of: Array(bytes[..<16]))) else { throw .damaged(atByte: 0) }
        return Self(salt: number(bytes[8..<16]))
    }

    private var marker: [UInt8] { Self.bytes(of: UInt32(truncatingIfNeeded: salt) ^ 0x4C48_6672) }

    private func checksum(_ payload: ArraySlice<UInt8>, at offset: Int) -> UInt32 {
        crc32(of: Self.bytes(of: salt) + Self.bytes(of: UInt64(offset)) + payload)
    }

    private func payload(in bytes: [UInt8], at offset: Int) -> ArraySlice<UInt8>? {
        let start = offset + Self.frameHeadSize
        guard bytes.count >= start, bytes[offset...].starts(with: marker) else { return nil }
        let size = Int(Self.number(bytes[offset + 4..<offset + 8]))
        guard size <= bytes.count - start else { return nil }
        let payload = bytes[start..<start + size]
        return UInt64(checksum(payload, at: offset)) == Self.number(bytes[offset + 8..<start]) ? payload : nil
    }

    private func hasFrame(in bytes: [UInt8], after offset: Int) -> Bool {
        guard offset + 1 + Self.frameHeadSize <= bytes.count else { return false }
        let first = marker[0]
        return (offset + 1...bytes.count - Self.frameHeadSize).contains { position in
            bytes[position] == first && payload(in: bytes, at: position) != nil
        }
    }

    private static func bytes<Number: FixedWidthInteger & UnsignedInteger>(of number: Number) -> [UInt8] {
        (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
