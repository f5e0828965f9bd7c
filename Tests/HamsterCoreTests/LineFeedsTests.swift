import HamsterCore
import Testing

struct LineFeedsTests {
    @Test(arguments: [("", 0), ("\n", 1), ("a", 0), ("a\nb\n\nc", 3), ("\n\n", 2), ("a\r\n\0\n", 2)])
    func `each LF counts`(text: String, count: Int) {
        #expect(lineFeedCount(in: Array(text.utf8).span.bytes) == count)
    }
}
