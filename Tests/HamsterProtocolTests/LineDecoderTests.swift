import HamsterProtocol
import HamsterTesting
import NIOCore
import Testing

struct LineDecoderTests {
    @Test(arguments: 0..<300)
    func `however the bytes are split, the lines are the same, and the rest stays as it came`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let lines = (0..<random.int(1...5)).map { _ in random.bytes(0...40, of: "ab \u{0}%".utf8) }
        let rest = random.bytes(0...60, of: "x\r\n".utf8)
        var bytes = lines.flatMap { $0 + (random.bool() ? [13, 10] : [10]) } + rest

        var decoder = LineDecoder()
        var found: [[UInt8]] = []
        while !bytes.isEmpty {
            let count = random.int(1...min(30, bytes.count))
            decoder.append(ByteBuffer(bytes: bytes.prefix(count)))
            bytes.removeFirst(count)
            while found.count < lines.count, let line = try decoder.next() { found.append(line) }
        }

        #expect(found == lines)
        #expect(Array(decoder.takeRest().readableBytesView) == rest)
        #expect(decoder.takeRest().readableBytes == 0)
    }

    @Test func `a CR before the LF goes, any other stays`() throws {
        var decoder = LineDecoder()
        decoder.append(ByteBuffer(string: "a\r\r\nb\rc\n\r\n\n"))

        #expect(try decoder.next() == Array("a\r".utf8))
        #expect(try decoder.next() == Array("b\rc".utf8))
        #expect(try decoder.next() == [])
        #expect(try decoder.next() == [])
        #expect(try decoder.next() == nil)
    }

    @Test func `a line of 8192 bytes with its LF is the longest`() throws {
        var decoder = LineDecoder()
        decoder.append(ByteBuffer(repeating: UInt8(ascii: "x"), count: 8_191))
        #expect(try decoder.next() == nil)
        decoder.append(ByteBuffer(string: "\nnext\n"))
        #expect(try decoder.next()?.count == 8_191)
        #expect(try decoder.next()?.count == 4)
    }

    @Test(arguments: [1, 100, 8_192])
    func `an endless line is found as soon as no legal line can come`(piece: Int) throws {
        var decoder = LineDecoder()
        var sent = 0
        while sent + piece < 8_192 {
            decoder.append(ByteBuffer(repeating: 0, count: piece))
            sent += piece
            #expect(try decoder.next() == nil)
        }
        decoder.append(ByteBuffer(repeating: 0, count: piece))
        #expect { _ = try decoder.next() } throws: { ($0 as? ProtocolError)?.code == .lineTooLong }
    }

    @Test func `an LF behind the limit does not make the line legal`() {
        var decoder = LineDecoder()
        decoder.append(ByteBuffer(bytes: [UInt8](repeating: 0, count: 8_192) + [10]))
        #expect { _ = try decoder.next() } throws: { ($0 as? ProtocolError)?.code == .lineTooLong }
    }
}
