import Testing

@testable import HamsterTLS

struct TicketKeysTests {
    private let keys = TicketKeys()
    private let start = ContinuousClock.now

    private func sealing(after seconds: Int64) throws -> TicketKey {
        try #require(keys.sealing(at: start + .seconds(seconds)))
    }

    private func opening(_ key: TicketKey, after seconds: Int64) -> (key: TicketKey, isCurrent: Bool)? {
        var name = [UInt8](repeating: 0, count: TicketKey.nameBytes)
        key.copyName(to: &name)
        return name.withUnsafeBytes { keys.opening($0, at: start + .seconds(seconds)) }
    }

    @Test func `tickets of one hour have one key`() throws {
        let first = try sealing(after: 0)

        #expect(try sealing(after: 3_599) === first)
        #expect(opening(first, after: 3_599)?.key === first)
        #expect(opening(first, after: 3_599)?.isCurrent == true)
    }

    @Test func `the next hour has another, and both open tickets`() throws {
        let first = try sealing(after: 0)
        let second = try sealing(after: 3_600)

        #expect(second !== first)
        #expect(opening(first, after: 3_600)?.isCurrent == false)
        #expect(opening(second, after: 3_600)?.isCurrent == true)
    }

    @Test func `a key is gone when the last of its tickets has ended`() throws {
        let first = try sealing(after: 0)

        #expect(opening(first, after: 3 * 3_600 - 1) != nil)
        #expect(opening(first, after: 3 * 3_600) == nil)
        _ = try sealing(after: 3 * 3_600)
        // Not hidden only: nobody holds it any more.
        #expect(opening(first, after: 1) == nil)
    }

    @Test func `a name that was made up opens nothing`() throws {
        _ = try sealing(after: 0)

        #expect(
            [UInt8](repeating: 7, count: TicketKey.nameBytes).withUnsafeBytes { keys.opening($0, at: start) } == nil)
    }
}
