internal import HamsterCore

/// Percent-encoding of tokens in `INIT STREAM`: space, `%`, control bytes and bytes above 0x7E are encoded, nothing else.
package enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Appends the encoded form of `bytes` to `line`.
    package static func encode(_ bytes: some Sequence<UInt8>, into line: inout [UInt8]) {
        for byte in bytes {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                line.append(byte)
            } else {
                line += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    /// Throws where a `%` is not followed by two hex digits, or a byte stands unencoded that had to be encoded.
    package static func decode(_ token: ArraySlice<UInt8>) throws(ProtocolError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(token.count)
        var rest = token
        while let byte = rest.popFirst() {
            guard (0x21...0x7E).contains(byte) else {
                throw .malformed("byte \(byte) must be percent-encoded in '\(printable(token))'")
            }
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                throw .malformed("'%' without two hex digits in '\(printable(token))'")
            }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
