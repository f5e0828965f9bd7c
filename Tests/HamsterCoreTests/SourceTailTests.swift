import HamsterCore
import HamsterTesting
import Testing

struct SourceTailTests {
    @Test(arguments: 0..<200)
    func `however the bytes come, the last 64 are kept`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let whole = random.bytes(0...200, of: 0...255)
        let known = random.int(0...whole.count)
        var tail = SourceTail(whole[..<known])
        var rest = whole[known...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(random.int(0...90)))
            tail.append(piece.span.bytes)
            rest.removeFirst(piece.count)
        }

        let isSuffix = tail.bytes == Array(whole.suffix(64))
        #expect(isSuffix)
        #expect(tail == SourceTail(whole))
    }

    @Test func `a check needs all the bytes that it is made from`() {
        let ten = SourceTail(Array("0123456789".utf8))
        #expect(SourceTail().check(at: 0) == nil)
        #expect(ten.check(at: 0) == nil)
        #expect(ten.check(at: 9) == nil)
        #expect(ten.check(at: 10) != nil)
        #expect(ten.check(at: 11) == nil)
        #expect(SourceTail([UInt8](repeating: 1, count: 64)).check(at: 1 << 40) != nil)
        #expect(SourceTail([UInt8](repeating: 1, count: 63)).check(at: 64) == nil)
    }
}

struct ContinuityCheckTests {
    @Test func `the CRC-32 of the digits 1 to 9 is the known one`() {
        #expect(crc32(of: Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(SourceTail(Array("123456789".utf8)).check(at: 9)?.description == "cbf43926")
        #expect(crc32(of: []) == 0)
    }

    @Test(arguments: [("00000000", 0), ("cbf43926", 0xCBF4_3926), ("CBF43926", 0xCBF4_3926), ("ffffffff", 0xFFFF_FFFF)])
    func `eight hex digits are a check`(text: String, value: UInt32) {
        #expect(ContinuityCheck(text)?.value == value)
        #expect(ContinuityCheck(value: value).description == text.lowercased())
    }

    @Test(arguments: [
        "", "cbf4392", "cbf439266", "+bf43926", "-bf43926", "cbf4392g", "0xcbf439", " bf43926", "cbf４392",
    ])
    func `anything else is none`(text: String) {
        #expect(ContinuityCheck(text) == nil)
    }
}
