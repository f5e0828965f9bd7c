import HamsterCore
import HamsterTesting
import Testing

struct SourceHeadTests {
    @Test(arguments: [1, 63, 64, 65, 350, 1_000, 1_023, 1_024, 1_500])
    func `a shorter source is known as the beginning, unless it differs before its last 63 bytes`(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let whole = random.bytes(1_600...1_600, of: 0...255)
        // However the bytes came, the same is known of them.
        var head = SourceHead()
        let (first, rest) = (Array(whole.prefix(70)), Array(whole.dropFirst(70)))
        head.append(first.span.bytes)
        head.append(rest.span.bytes)
        #expect(head == SourceHead(whole))

        var shorter = Array(whole.prefix(count))
        #expect(head.beginsWith(shorter))
        shorter[max(0, min(count, SourceHead.bytesMax) - 64)] ^= 1
        #expect(!head.beginsWith(shorter))
    }
}
