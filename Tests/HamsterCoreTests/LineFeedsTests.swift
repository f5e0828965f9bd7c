import HamsterCore
import Testing

struct LineFeedsTests {
    @Test(arguments: [("", 0), ("\n", 1), ("a", 0), ("a\nb\n\nc", 3), ("\n\n", 2), ("a\r\n\0\n", 2)])
    func `each LF counts`(text: String, count: Int) {
        #expect(lineFeedCount(in: Array(text.utf8).span.bytes) == count)
    }

    @Test(arguments: [7, 8, 9, 2_039, 2_040, 2_041, 2_048, 70_001])
    func `nothing but LF, and nothing but neighbours of LF`(length: Int) {
        #expect(lineFeedCount(in: [UInt8](repeating: 0x0A, count: length).span.bytes) == length)
        for other in [0x00, 0x09, 0x0B, 0x8A, 0xF5, 0xFF] as [UInt8] {
            #expect(lineFeedCount(in: [UInt8](repeating: other, count: length).span.bytes) == 0)
        }
    }

    @Test func `as many as a loop over random bytes counts, at each place of a word`() {
        for length in 0..<600 {
            let bytes = (0..<length).map { _ -> UInt8 in
                Bool.random() ? 0x0A : [0x0B, 0x8A, .random(in: .min ... .max)].randomElement() ?? 0
            }
            #expect(lineFeedCount(in: bytes.span.bytes) == bytes.count { $0 == 0x0A }, "\(bytes)")
        }
    }
}
