import HamsterCore
import HamsterRateLimit
import NIOCore
import Testing

@testable import HamsterServer

struct EnrollmentDoorTests {
    private let door = EnrollmentDoor()
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func block(_ text: String) throws -> AddressBlock { AddressBlock(try #require(IPAddress(text))) }

    private func attempt(_ address: AddressBlock, hasFailed: Bool = true, after: TimeAmount = .zero) -> Int? {
        let refusal = door.enter(address, at: start + after)
        if refusal == nil { door.leave(address, hasFailed: hasFailed, at: start + after) }
        return refusal
    }

    @Test func `five failures close it for ten minutes, and to this address alone`() throws {
        let (bad, good) = (try block("10.0.0.1"), try block("10.0.0.2"))
        for _ in 0..<5 { #expect(attempt(bad) == nil) }
        #expect(attempt(bad) == 600)
        #expect(attempt(bad, after: .seconds(599)) == 1)
        #expect(attempt(good) == nil)
        #expect(attempt(bad, after: .seconds(600)) == nil)
        // It begins to count anew.
        for _ in 0..<4 { #expect(attempt(bad, after: .seconds(600)) == nil) }
        #expect(attempt(bad, after: .seconds(600)) == 600)
    }

    @Test func `who succeeds may come as often as he likes`() throws {
        let address = try block("10.0.0.1")
        for _ in 0..<100 { #expect(attempt(address, hasFailed: false) == nil) }
        for _ in 0..<4 { #expect(attempt(address) == nil) }
        for _ in 0..<100 { #expect(attempt(address, hasFailed: false) == nil) }
    }

    @Test func `one network of IPv6 is one address`() throws {
        for index in 1...5 { #expect(attempt(try block("2001:db8::\(index)")) == nil) }
        #expect(attempt(try block("2001:db8::ffff")) != nil)
        #expect(attempt(try block("2001:db8:0:1::1")) == nil)
    }

    @Test func `attempts at the same time are bounded`() throws {
        let address = try block("10.0.0.1")
        for _ in 0..<64 { #expect(door.enter(address, at: start) == nil) }
        #expect(door.enter(address, at: start) == 1)
        for _ in 0..<64 { door.leave(address, hasFailed: false, at: start) }
        #expect(door.enter(address, at: start) == nil)
    }
}
