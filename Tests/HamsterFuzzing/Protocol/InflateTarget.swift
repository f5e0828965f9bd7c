import HamsterProtocol
import NIOCore

/// A compressed stream. It gives the same bytes however it is cut, in pieces that stay within their limit, and what it
/// gives is deflated and inflated as the same.
struct InflateTarget: FuzzTarget {
    private static let pieceBytes = 1_000
    let seeds = [
        compressed([Array("hello hello hello".utf8)]), compressed([[UInt8](repeating: 0, count: 200_000)], size: 7),
        compressed([[1], [2, 3], Array(0...255)], size: 1),
        // The one byte "a" with the stream's end, and a byte behind it.
        Pieces.input([0x78, 0x9C, 0x4B, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62, 0x00]),
    ]

    private struct Outcome: Equatable {
        var bytes: [UInt8] = []
        var error: ProtocolError?
    }

    func check(_ input: [UInt8]) throws {
        let pieces = Pieces(input)
        let outcome = try inflated(pieces.pieces, bytesMax: Self.pieceBytes)
        // In one piece, and with room for more: a damaged place is found at the same byte, what is before it may be dropped.
        let other = try inflated([pieces.whole[...]], bytesMax: 64 * 1_024)
        try demand(
            outcome.error == other.error, "\(String(describing: outcome.error)) depends on how the bytes are cut")
        try demand(outcome.error != nil || outcome == other, "the bytes depend on how they are cut")
        if outcome.error == nil { try checkRoundTrip(outcome.bytes) }
    }

    private func inflated(_ pieces: [ArraySlice<UInt8>], bytesMax: Int) throws -> Outcome {
        guard let inflater = Inflater() else { throw Violation("no memory") }
        var outcome = Outcome()
        for piece in pieces {
            var input = ByteBuffer(bytes: piece)
            var isFull = true
            while input.readableBytes > 0 || isFull, outcome.error == nil {
                let output = inflater.result(&input, bytesMax: bytesMax)
                let count = (try? output.get())?.readableBytes ?? 0
                try demand(count <= bytesMax, "\(count) bytes in a piece that may have \(bytesMax)")
                isFull = count == bytesMax
                switch output {
                case .success(let output): outcome.bytes += output.readableBytesView
                case .failure(let error): outcome.error = error
                }
            }
        }
        if let error = outcome.error { try demandLine(error.reply.line) }
        return outcome
    }

    private func checkRoundTrip(_ bytes: [UInt8]) throws {
        guard let deflater = Deflater() else { throw Violation("no memory") }
        var compressed = ByteBuffer()
        deflater.deflate(ByteBuffer(bytes: bytes), into: &compressed)
        let again = try inflated([Array(compressed.readableBytesView)[...]], bytesMax: 64 * 1_024)
        try demand(again == Outcome(bytes: bytes), "deflated and inflated it is not the same")
    }

    private static func compressed(_ pieces: [[UInt8]], size: UInt8 = 0) -> [UInt8] {
        var output = ByteBuffer()
        let deflater = Deflater(level: 9)
        for piece in pieces { deflater?.deflate(ByteBuffer(bytes: piece), into: &output) }
        return Pieces.input(output.readableBytesView, size: size)
    }
}

extension Inflater {
    fileprivate func result(_ input: inout ByteBuffer, bytesMax: Int) -> Result<ByteBuffer, ProtocolError> {
        Result { () throws(ProtocolError) in
            try inflate(&input, bytesMax: bytesMax, allocator: ByteBufferAllocator())
        }
    }
}
