import Testing

@testable import HamsterProtocol

struct PercentEncodingTests {
    private func encoded(_ bytes: [UInt8]) -> String {
        var line: [UInt8] = []
        PercentEncoding.encode(bytes, into: &line)
        return String(decoding: line, as: UTF8.self)
    }

    @Test func `every byte comes back, and only space, percent, control and high bytes are encoded`() throws {
        for byte in UInt8.min...UInt8.max {
            let text = encoded([byte])
            let isLiteral = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "%")
            #expect(text.utf8.count == (isLiteral ? 1 : 3))
            #expect(try PercentEncoding.decode(Array(text.utf8)[...]) == [byte])
        }
    }

    @Test func `digits may be of either case`() throws {
        #expect(try PercentEncoding.decode(Array("%c3%A9%2f".utf8)[...]) == [0xC3, 0xA9, 0x2F])
        #expect(encoded([0xC3, 0xA9]) == "%C3%A9")
    }

    @Test(arguments: ["%", "a%", "%4", "%4g", "%g4", "%%41", "a b", "\u{7F}", "é"])
    func `anything else is refused`(token: String) {
        #expect(throws: ProtocolError.self) { try PercentEncoding.decode(Array(token.utf8)[...]) }
    }
}
