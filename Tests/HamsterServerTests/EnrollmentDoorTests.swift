import HamsterCore
import HamsterRateLimit
import NIOCore
import Testing

@testable import HamsterServer

struct EnrollmentDoorTests {
    private let door = EnrollmentDoor()
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func block(_ text: String) throws -> AddressBlock { AddressBlock(try #require(IPAddress(text))) }

    /// How many seconds the address has to wait; nil: the attempt was made.
    private func attempt(_ address: AddressBlock, hasFailed: Bool = true, after: TimeAmount = .zero) -> Int? {
        switch door.enter(address, at: start + after) {
        case .open(let attempt):
            door.leave(attempt, hasFailed: hasFailed, at: start + after)
            return nil
        case .closed(let seconds): return seconds
        }
    }

    private func enter(_ address: AddressBlock, _ door: EnrollmentDoor) -> EnrollmentDoor.Attempt? {
        guard case .open(let attempt) = door.enter(address, at: start) else { return nil }
        return attempt
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
        let attempts = (0..<64).compactMap { _ in enter(address, door) }
        #expect(attempts.count == 64)
        #expect(attempt(address) == 1)
        for attempt in attempts { door.leave(attempt, hasFailed: false, at: start) }
        #expect(enter(address, door) != nil)
    }

    @Test func `an attempt that there was no room to remember takes nothing back from one that is`() throws {
        let door = EnrollmentDoor(visitorsMax: 1)
        let (first, second) = (try block("10.0.0.1"), try block("10.0.0.2"))
        let occupant = try #require(enter(first, door))
        let uncounted = try #require(enter(second, door))
        door.leave(occupant, hasFailed: false, at: start)
        let attempts = (0..<64).compactMap { _ in enter(second, door) }
        #expect(attempts.count == 64)

        door.leave(uncounted, hasFailed: false, at: start)

        #expect(enter(second, door) == nil)
        for attempt in attempts { door.leave(attempt, hasFailed: false, at: start) }
        // It is forgotten then, and another one has the room.
        _ = try #require(enter(first, door))
        #expect((0..<64).count { _ in enter(first, door) != nil } == 63)
    }
}
