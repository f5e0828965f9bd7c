import NIOCore
import Testing

@testable import HamsterTLS

struct ClientHelloLimitTests {
    /// A record with the head of a handshake message that announces so many bytes.
    private func hello(announcing count: Int, type: UInt8 = 1) -> [UInt8] {
        [22, 3, 1, 0, 4, type, UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255)]
    }

    private func accepts(_ pieces: [[UInt8]]) -> Bool {
        var limit = ClientHelloLimit()
        return pieces.allSatisfy { limit.excess(in: ByteBuffer(bytes: $0).readableBytesView) == nil }
    }

    @Test(arguments: [8 * 1_024 + 1, 131_396, 0xFF_FFFF])
    func `a message that is announced too large is refused at once`(count: Int) {
        #expect(!accepts([hello(announcing: count)]))
        #expect(!accepts(hello(announcing: count).map { [$0] }))
    }

    @Test func `so is a record of messages that is longer than one may be`() {
        #expect(!accepts([[22, 3, 1, 0x40, 0, 1, 0, 0, 1]]))
        #expect(accepts([[23, 3, 1, 0x40, 0, 1, 0, 0, 1]]))
    }

    @Test func `one at the limit is accepted`() {
        #expect(accepts([hello(announcing: 8 * 1_024)]))
    }

    @Test func `the second of two messages counts as well`() {
        let first = hello(announcing: 2) + [22, 3, 1, 0, 2, 7, 7]
        #expect(accepts([first, hello(announcing: 100)]))
        #expect(!accepts([first, [20, 3, 3, 0, 1, 1], hello(announcing: 20_000)]))
        #expect(!accepts((first + hello(announcing: 20_000)).map { [$0] }))
    }

    @Test func `what is encrypted or of another kind is not looked at`() {
        #expect(accepts([[23, 3, 3, 0, 4, 1, 255, 255, 255]]))
        #expect(accepts([hello(announcing: 20_000, type: 11)]))
    }

    @Test func `a head that is cut across records is put together`() {
        #expect(!accepts([[22, 3, 1, 0, 1, 1], [22, 3, 1, 0, 3, 255, 255, 255]]))
    }
}
