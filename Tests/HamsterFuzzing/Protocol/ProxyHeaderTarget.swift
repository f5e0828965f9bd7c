import HamsterNetwork
import NIOCore

/// What a connection begins with where a proxy is expected. A header is taken whole or not at all, never more than its
/// length, and what is decided early does not change with the bytes that follow.
struct ProxyHeaderTarget: FuzzTarget {
    let seeds: [[UInt8]] = [
        header(0x21, 0x11, [192, 0, 2, 1, 127, 0, 0, 1, 1, 2, 3, 4]) + Array("rest".utf8),
        header(0x21, 0x21, [UInt8](repeating: 1, count: 36)), header(0x20, 0, []), header(0x21, 0, [1, 0, 1, 7]),
        header(0x21, 0x31, [UInt8](repeating: 0, count: 216)), Array("PROXY TCP4 192.0.2.1\r\n".utf8),
    ]

    private enum Outcome: Equatable {
        case waits
        case header(ProxyHeader, bytes: Int)
        case failure(ProxyHeader.Failure)
    }

    func check(_ input: [UInt8]) throws {
        let whole = try outcome(input[...])
        for count in 0..<min(input.count, ProxyHeader.bytesMax) {
            let early = try outcome(input.prefix(count))
            guard early != .waits else { continue }
            return try demand(early == whole, "\(early) after \(count) bytes, later \(whole)")
        }
        let isDecided = whole != .waits || input.count < ProxyHeader.bytesMax
        try demand(isDecided, "no decision after \(input.count) bytes")
    }

    private func outcome(_ bytes: ArraySlice<UInt8>) throws -> Outcome {
        var buffer = ByteBuffer(bytes: bytes)
        switch Result(catching: { () throws(ProxyHeader.Failure) in try ProxyHeader.take(from: &buffer) }) {
        case .success(let header?):
            return .header(header, bytes: bytes.count - buffer.readableBytes)
        case .success(nil):
            try demand(buffer.readableBytes == bytes.count, "bytes were taken before the header was whole")
            return .waits
        case .failure(let error):
            try demandOneLine(error.description)
            return .failure(error)
        }
    }

    private static func header(_ kind: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
        return signature + [kind, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
    }
}
