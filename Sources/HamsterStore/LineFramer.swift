internal import HamsterCore

/// Cuts one stream into whole lines: what several streams may write to one output without tearing each other's lines.
///
/// The unfinished line waits here. One longer than `lineBytesMax` is ended by an LF after that many bytes, and goes on in
/// the next line: so memory is bounded, no source byte is dropped, and no other stream's bytes come between. Holding the
/// output until the line ends would let one silent stream stop all others.
struct LineFramer: Sendable {
    /// What is to be written now.
    enum Output: Equatable {
        case nothing
        /// That many bytes from the beginning of the span, as they are: the usual case, without a copy.
        case span(byteCount: Int)
        case bytes([UInt8])
    }

    /// How far the source was handed out for writing: the end of a line.
    private(set) var written: StreamPosition
    private let lineBytesMax: Int
    private let prefix: [UInt8]
    private var unfinished: [UInt8] = []

    init(from start: StreamPosition, lineBytesMax: Int, prefix: [UInt8]) {
        precondition(lineBytesMax > 0, "a line needs room for a byte")
        written = start
        self.lineBytesMax = lineBytesMax
        self.prefix = prefix
    }

    /// Whether lines are longer in the output than in their source.
    var hasPrefix: Bool { !prefix.isEmpty }

    /// Takes the next bytes of the source, and gives what ends with a whole line.
    mutating func append(_ span: RawSpan) -> Output {
        let lineEnd = endOfLastLine(in: span)
        if lineEnd == 0, unfinished.count + span.byteCount <= lineBytesMax {
            unfinished.add(span)
            return .nothing
        }
        // A span that is not longer than a line may be can't hold a line that is.
        if unfinished.isEmpty, prefix.isEmpty, span.byteCount <= lineBytesMax {
            written.advance(over: span.extracting(0..<lineEnd))
            unfinished.add(span.extracting(lineEnd..<span.byteCount))
            return .span(byteCount: lineEnd)
        }
        unfinished.add(span)
        return .bytes(takeLines())
    }

    /// Ends the source: an unfinished line is given with the LF that it lacks.
    mutating func finish() -> Output {
        guard !unfinished.isEmpty else { return .nothing }
        let line = unfinished
        unfinished = []
        unsafe written.advance(over: line.span.bytes)
        return .bytes(prefix + line + [UInt8(ascii: "\n")])
    }

    private mutating func takeLines() -> [UInt8] {
        let source = unfinished
        var lines: [UInt8] = []
        lines.reserveCapacity(source.count)
        var start = 0
        while let end = endOfLine(in: source[start...]) {
            lines += prefix
            lines += source[start..<end]
            // The LF may be one that the source doesn't have.
            if lines.last != UInt8(ascii: "\n") { lines.append(UInt8(ascii: "\n")) }
            start = end
        }
        unsafe written.advance(over: source.span.bytes.extracting(0..<start))
        // A new array: ten thousand idle streams would otherwise keep ten thousand large buffers.
        unfinished = Array(source[start...])
        return lines
    }

    /// Behind the LF, or behind `lineBytesMax` bytes of a line that is longer; nil where the line may still grow.
    private func endOfLine(in source: ArraySlice<UInt8>) -> Int? {
        let rest = source.prefix(lineBytesMax + 1)
        if let end = rest.firstIndex(of: UInt8(ascii: "\n")) { return end + 1 }
        return rest.count > lineBytesMax ? rest.startIndex + lineBytesMax : nil
    }

    /// The offset behind the last LF; 0 where there is none.
    private func endOfLastLine(in span: RawSpan) -> Int {
        unsafe span.withUnsafeBytes { bytes in
            var end = bytes.count
            while end > 0, unsafe bytes[end - 1] != UInt8(ascii: "\n") { end -= 1 }
            return end
        }
    }
}

extension [UInt8] {
    mutating func add(_ span: RawSpan) {
        unsafe span.withUnsafeBytes { bytes in unsafe append(contentsOf: bytes) }
    }
}
