import HamsterCore
import HamsterProtocol
import Testing

struct PrintableTests {
    @Test func `control bytes and quotes can't leave the quotation`() {
        #expect(printable(Array("a'b\n\u{1B}[2J".utf8)) == "a\\x27b\\x0a\\x1b[2J")
    }

    @Test func `a long token is cut`() {
        #expect(printable(Array(repeating: UInt8(ascii: "x"), count: 1_000)).utf8.count == 103)
    }
}
