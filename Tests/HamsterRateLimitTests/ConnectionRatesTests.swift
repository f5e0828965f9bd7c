import HamsterCore
import Testing

@testable import HamsterRateLimit

@Suite struct `Connections of an address` {
    private func address(_ number: Int) throws -> AddressBlock {
        try block((0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }

    private func block(_ bytes: [UInt8]) throws -> AddressBlock { AddressBlock(try #require(IPAddress(bytes))) }

    @Test func `come as often as is allowed, on average`() throws {
        var rates = ConnectionRates(perSecond: 10, now: .zero)
        var accepted = 0
        let address = try address(1)
        for tick in 0..<10_000 where rates.knock(address, now: .milliseconds(tick)) == .accept { accepted += 1 }
        #expect(accepted >= 109 && accepted <= 110, "ten seconds and what may come at once")
    }

    @Test func `are told that they come too often, within bounds`() throws {
        var rates = ConnectionRates(perSecond: 1, now: .zero)
        let verdicts = try (0..<1_000).map { _ in try rates.knock(address(1), now: .zero) }
        #expect(verdicts.first == .accept)
        #expect(verdicts.filter { $0 == .refuse }.count == 100)
        #expect(verdicts.last == .drop)
    }

    @Test func `are remembered in bounded memory, and addresses that keep quiet are forgotten`() throws {
        var rates = ConnectionRates(perSecond: 1, now: .zero)
        let first = try (0..<65_536).filter { try rates.knock(address($0), now: .zero) == .accept }
        #expect(first.count == 65_536)
        // Newcomers share one rate while all are remembered …
        #expect(try rates.knock(address(100_000), now: .zero) == .accept)
        #expect(try rates.knock(address(100_001), now: .zero) == .refuse)
        // … and the others have theirs.
        #expect(try rates.knock(address(7), now: .zero) == .refuse)
        #expect(try rates.knock(address(100_001), now: .seconds(1)) == .accept)
        #expect(try rates.knock(address(100_002), now: .seconds(1)) == .accept)
    }

    @Test func `of IPv6 share the host's network, and mapped IPv4 is IPv4`() throws {
        let network: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 1]
        let one = try block(network + [0, 0, 0, 0, 0, 0, 0, 1])
        let (sameNetwork, otherNetwork) = try (
            block(network + [9, 9, 9, 9, 9, 9, 9, 9]), block(network.dropLast() + [2, 0, 0, 0, 0, 0, 0, 0, 1])
        )
        #expect(one == sameNetwork && one != otherNetwork)
        let mapped = try block([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4])
        #expect(try mapped == block([1, 2, 3, 4]))
    }
}
