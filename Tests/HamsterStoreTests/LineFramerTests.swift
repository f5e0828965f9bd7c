import HamsterCore
import Testing

@testable import HamsterStore

@Suite struct LineFramerTests {
    /// What the framer gives for the pieces, as text.
    func frame(_ pieces: [String], _ framer: inout LineFramer) -> String {
        pieces.map { piece in
            let bytes = Array(piece.utf8)
            return text(framer.append(bytes.span.bytes), of: bytes)
        }.joined()
    }

    func text(_ output: LineFramer.Output, of bytes: [UInt8]) -> String {
        switch output {
        case .nothing: ""
        case .span(let count): String(decoding: bytes.prefix(count), as: UTF8.self)
        case .bytes(let lines): String(decoding: lines, as: UTF8.self)
        }
    }

    func framer(lineBytesMax: Int = 1 << 20, prefix: String = "") -> LineFramer {
        LineFramer(from: StreamPosition(offset: 100), lineBytesMax: lineBytesMax, prefix: Array(prefix.utf8))
    }

    @Test func `whole lines pass without a copy, and the rest waits`() {
        var framer = framer()
        let bytes = Array("one\ntwo\nthr".utf8)

        #expect(framer.append(bytes.span.bytes) == .span(byteCount: 8))
        #expect(framer.written.offset == 108)
        #expect(frame(["ee", "\nfour"], &framer) == "three\n")
        #expect(framer.written.offset == 114)
    }

    @Test func `an end adds the missing LF, and none where there is one`() {
        var framer = framer()
        _ = frame(["a\nlast"], &framer)

        #expect(text(framer.finish(), of: []) == "last\n")
        #expect(framer.written.offset == 106)
        #expect(framer.finish() == .nothing)
    }

    @Test func `each line gets the prefix`() {
        var framer = framer(prefix: "web1 ")

        #expect(frame(["a\n\nb", "c\nd"], &framer) == "web1 a\nweb1 \nweb1 bc\n")
        #expect(text(framer.finish(), of: []) == "web1 d\n")
    }

    @Test(arguments: [
        (["abcde"], "abcd\n", 104), (["abcd"], "", 100), (["abcd\n"], "abcd\n", 105),
        (["abcdefgh\ni"], "abcd\nefgh\n", 109), (["abcdefghi", "j\nk\n"], "abcd\nefgh\nij\nk\n", 113),
        (["ab\ncdefg"], "ab\ncdef\n", 107), (["abcd", "\n"], "abcd\n", 105),
    ])
    func `a line longer than allowed is ended after that many bytes`(pieces: [String], lines: String, offset: UInt64) {
        var framer = framer(lineBytesMax: 4)

        #expect(frame(pieces, &framer) == lines)
        #expect(framer.written.offset == offset)
    }

    @Test func `however the bytes are split, lines, offset and tail are the same`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ab\n\0".utf8)
        for _ in 0..<300 {
            let source = (0..<Int.random(in: 0...200)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            var whole = framer(lineBytesMax: 7)
            var split = framer(lineBytesMax: 7)
            let text = String(decoding: source, as: UTF8.self)
            let expected = frame([text], &whole)
            var pieces: [String] = []
            var rest = source[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...rest.count, using: &random)
                pieces.append(String(decoding: rest.prefix(count), as: UTF8.self))
                rest = rest.dropFirst(count)
            }

            #expect(frame(pieces, &split) == expected)
            #expect(split.written == whole.written)
            let taken = source.prefix(Int(split.written.offset - 100))
            #expect(split.written.tail == SourceTail(taken))
        }
    }
}
