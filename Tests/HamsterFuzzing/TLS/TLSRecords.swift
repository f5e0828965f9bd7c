/// The records in a direction of a TLS connection (RFC 8446, 5.1).
enum TLSRecords {
    static let headerBytes = 5

    /// Cuts bytes at the ends of records. What is behind the last whole one is the last piece.
    static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let header = Array(rest.prefix(headerBytes))
            let length = header.count < headerBytes ? 0 : Int(header[3]) << 8 | Int(header[4])
            records.append(Array(rest.prefix(headerBytes + length)))
            rest = rest.dropFirst(headerBytes + length)
        }
        return records
    }

    /// A handshake message in a record of its own, in plain text.
    static func handshake(type: UInt8, _ body: [UInt8]) -> [UInt8] {
        let message = [type] + length(body.count, bytes: 3) + body
        return [22, 3, 3] + length(message.count, bytes: 2) + message
    }

    /// A list of one certificate, as in TLS 1.2 (RFC 5246, 7.4.2).
    static func certificate(_ der: [UInt8]) -> [UInt8] {
        let entry = length(der.count, bytes: 3) + der
        return handshake(type: 11, length(entry.count, bytes: 3) + entry)
    }

    private static func length(_ count: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
    }
}
