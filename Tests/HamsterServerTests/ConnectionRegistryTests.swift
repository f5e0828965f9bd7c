import HamsterCore
import HamsterProtocol
import HamsterRateLimit
import HamsterTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterServer

struct ConnectionRegistryTests {
    private let loop = EmbeddedEventLoop()
    private let clock = ManualClock()
    private let statistics = ServerStatistics()
    private let tooMany = ConnectionRegistry.Answer.acceptedToRefuse(
        Reply(.limitReached, "too many connections", retrySeconds: 5))
    private let tooOften = ConnectionRegistry.Answer.acceptedToRefuse(
        Reply(.limitReached, "this address connects too often", retrySeconds: 5))

    private func registry(_ change: (inout ServerConfiguration.Limits) -> Void) -> ConnectionRegistry {
        var limits = ServerConfiguration.Limits()
        change(&limits)
        return ConnectionRegistry(limits, statistics, now: clock.scheduling.now)
    }

    private func channels(_ count: Int) throws -> [EmbeddedChannel] {
        try (0..<count).map { _ in
            let channel = EmbeddedChannel(loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            return channel
        }
    }

    private func address(_ last: UInt8) -> AddressBlock? { IPAddress([192, 0, 2, last]).map(AddressBlock.init) }

    @Test func `above the limit some are told, more are dropped, and who leaves makes room`() throws {
        let registry = registry { $0.connectionsMax = 2 }
        let channels = try channels(103)
        let answers = channels.map { registry.add($0, from: nil) }

        #expect(answers.prefix(2).allSatisfy { $0 == .accepted })
        #expect(answers[2..<102].allSatisfy { $0 == tooMany })
        #expect(answers[102] == .dropped)
        #expect(registry.all.count == 102)
        for channel in channels.prefix(101) { _ = try channel.finish() }
        #expect(registry.all.count == 1)
        #expect(registry.add(channels[102], from: nil) == .accepted)
    }

    @Test func `an address that connects too often is told so, then dropped, and another one is not disturbed`() throws
    {
        let registry = registry { $0.connectionsPerSecond = 3 }
        let channels = try channels(120)
        let answers = channels.prefix(105).map { registry.add($0, from: address(1)) }
        #expect(answers.prefix(3).allSatisfy { $0 == .accepted })
        #expect(answers[3..<103].allSatisfy { $0 == tooOften })
        #expect(answers[103...].allSatisfy { $0 == .dropped })
        #expect(registry.add(channels[110], from: address(2)) == .accepted)

        clock.advance(by: .milliseconds(334))
        #expect(registry.add(channels[111], from: address(1)) == .accepted)
        #expect(registry.add(channels[112], from: address(1)) != .accepted)
    }

    @Test func `where all places are taken, the address that opens no stream on most of them loses its oldest`() throws
    {
        let registry = registry { $0.connectionsMax = 4 }
        let channels = try channels(9)
        #expect(registry.add(channels[0], from: address(2)) == .accepted)
        for channel in channels[1..<4] { #expect(registry.add(channel, from: address(1)) == .accepted) }

        #expect(registry.add(channels[4], from: address(3)) == .accepted)
        #expect(channels.map(\.isActive) == [true, false, true, true, true, true, true, true, true])
        // The one with most gets no more, and the others have as many as it.
        #expect(registry.add(channels[5], from: address(1)) == tooMany)
        _ = try channels[5].finish()
        #expect(registry.add(channels[6], from: address(2)) == tooMany)
        _ = try channels[6].finish()
        #expect(statistics.snapshot.refusedConnections == 1)

        // Who has a stream is safe.
        for channel in [channels[2], channels[3]] { registry.opened(channel) }
        #expect(registry.add(channels[7], from: address(5)) == tooMany)
        #expect(channels[2].isActive && channels[3].isActive)
    }

    @Test func `what a load balancer says counts for its client`() throws {
        let registry = registry { $0.connectionsPerSecond = 1 }
        let channels = try channels(3)
        let client = try #require(address(9))
        for channel in channels { #expect(registry.add(channel, from: nil) == .accepted) }
        #expect(registry.locate(channels[0], at: client) == .accepted)
        #expect(registry.locate(channels[1], at: client) == tooOften)
        #expect(try registry.locate(channels[2], at: #require(address(8))) == .accepted)
    }
}

struct OpeningsTests {
    @Test func `whoever is displaced is the oldest of an address with the most, and only for who has less`() throws {
        var generator = SeededGenerator(seed: 7)
        var openings = Openings<Int>()
        var live: [(id: Int, address: UInt8)] = []
        var displacedCount = 0
        for id in 0..<20_000 {
            let source = UInt8.random(in: 0..<12, using: &generator) / UInt8.random(in: 1...4, using: &generator)
            let address = IPAddress([10, 0, 0, source]).map(AddressBlock.init)
            let counts = Dictionary(grouping: live, by: \.address).mapValues(\.count)
            if live.count >= 50, let displaced = openings.displace(for: address) {
                let victim = try #require(live.first { $0.id == displaced })
                #expect(counts[victim.address] == counts.values.max())
                #expect(counts[victim.address, default: 0] > counts[source, default: 0] + 1)
                #expect(live.first { $0.address == victim.address }?.id == displaced)
                live.removeAll { $0.id == displaced }
                displacedCount += 1
            }
            if live.count < 50 {
                openings.add(id, from: address)
                live.append((id, source))
            }
            if UInt8.random(in: 0..<8, using: &generator) == 0, let gone = live.randomElement(using: &generator) {
                openings.remove(gone.id)
                live.removeAll { $0.id == gone.id }
            }
            #expect(openings.count == live.count)
        }
        #expect(displacedCount > 100)
        for entry in live { openings.remove(entry.id) }
        #expect(openings.count == 0)
    }
}
