package import NIOCore

/// Cuts bytes into lines, one at a time, so that what follows the last line of an opening stays as it came: raw bytes.
package struct LineDecoder: Sendable {
    private var buffer = ByteBuffer()
    /// Bytes already searched for an LF, so that a slow sender of one long line costs no more than a quick one.
    private var searched = 0

    package init() {}

    /// Takes what came from the peer. Holds no more than it is given.
    package mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next line without its LF and a CR before it; nil where more bytes are needed.
    /// Throws ``ProtocolError/Code/lineTooLong`` as soon as no legal line can come.
    package mutating func next() throws(ProtocolError) -> [UInt8]? {
        let window = buffer.readableBytesView.prefix(ProtocolLimits.lineBytesMax)
        guard let end = window.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
            searched = window.count
            guard searched < ProtocolLimits.lineBytesMax else {
                throw ProtocolError(.lineTooLong, "line is longer than \(ProtocolLimits.lineBytesMax) bytes")
            }
            return nil
        }
        var line = Array(window[..<end])
        buffer.moveReaderIndex(forwardBy: line.count + 1)
        searched = 0
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }

    /// Whether nothing came behind the last line.
    package var isEmpty: Bool { buffer.readableBytes == 0 }

    /// What came behind the last line; the decoder is empty afterwards.
    package mutating func takeRest() -> ByteBuffer {
        let rest = buffer
        buffer = ByteBuffer()
        searched = 0
        return rest
    }
}
