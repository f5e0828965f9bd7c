import Synchronization
import Testing

@testable import HamsterRateLimit

private let mebibyte = 1 << 20

/// Whether `value` is within a hundredth of `expected`, beside one batch that may have been taken in advance.
private func isNear(_ value: Int, _ expected: Int, slack: Int = 64 * 1_024) -> Bool {
    abs(value - expected) <= expected / 100 + slack
}

@Suite struct `Streams under a limit` {
    @Test(arguments: [1_024, 1 << 20, 10 << 20, 100 << 20, 3 << 30])
    func `get the rate and no more`(rate: Int) {
        let world = RateWorld(RateLimits(total: rate))
        let batch = max(2_048, rate / 10_000)
        world.open("a", batch: batch)
        world.run(for: .seconds(10))
        #expect(isNear(world.bytes("a"), 10 * rate, slack: 2 * batch))
    }

    @Test func `share a total by host and not by stream`() {
        let world = RateWorld(RateLimits(total: 10 * mebibyte))
        for number in 0..<50 { world.open("many\(number)", host: "many") }
        world.open("one", host: "one")
        world.run(for: .seconds(10))
        #expect(isNear(world.bytes("one"), 50 * mebibyte, slack: mebibyte))
        #expect(isNear(world.bytes { $0.hasPrefix("many") }, 50 * mebibyte, slack: 5 * mebibyte))
        let shares = (0..<50).map { world.bytes("many\($0)") }
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 2 * 64 * 1_024)
    }

    @Test func `get equal bytes where their batches are not equal`() {
        let world = RateWorld(RateLimits(total: mebibyte))
        world.open("large", host: "a", batch: 256 * 1_024)
        world.open("small", host: "b", batch: 4 * 1_024)
        world.run(for: .seconds(60))
        #expect(isNear(world.bytes("small"), 30 * mebibyte, slack: 512 * 1_024))
        #expect(isNear(world.bytes("large"), 30 * mebibyte, slack: 512 * 1_024))
    }

    @Test func `gain nothing by first batches that are larger than was guessed`() {
        let world = RateWorld(RateLimits(total: 30 * mebibyte))
        for number in 0..<50 { world.open("many\(number)", host: "many", batch: 256 * 1_024) }
        world.open("one", host: "one", batch: 256 * 1_024)
        // The first batches were read before anybody had to wait.
        let before = (many: world.bytes { $0.hasPrefix("many") }, one: world.bytes("one"))
        world.run(for: .seconds(4))
        let many = world.bytes { $0.hasPrefix("many") } - before.many
        let one = world.bytes("one") - before.one
        #expect(isNear(many, one, slack: mebibyte), "\(many) of fifty streams, \(one) of one")
    }

    @Test func `leave what they can't use to others`() {
        var limits = RateLimits(total: 10 * mebibyte)
        limits.perStream = 6 * mebibyte
        limits.perOutput = ["slow": mebibyte]
        let world = RateWorld(limits)
        world.open("slow", host: "a", output: "slow")
        world.open("own limit", host: "b")
        world.open("rest", host: "c")
        world.run(for: .seconds(20))
        #expect(isNear(world.bytes("slow"), 20 * mebibyte))
        #expect(isNear(world.bytes("own limit"), 90 * mebibyte, slack: mebibyte))
        #expect(isNear(world.bytes("rest"), 90 * mebibyte, slack: mebibyte))
    }

    @Test func `are bound by host, and by output across hosts`() {
        var limits = RateLimits()
        limits.perHost = 4 * mebibyte
        limits.perOutput = ["app": 6 * mebibyte]
        let world = RateWorld(limits)
        for number in 0..<5 { world.open("a\(number)", host: "a", output: "other") }
        for host in ["b", "c", "d"] { world.open(host, host: host) }
        world.run(for: .seconds(10))
        #expect(isNear(world.bytes { $0.hasPrefix("a") }, 40 * mebibyte, slack: 6 * 64 * 1_024))
        for host in ["b", "c", "d"] { #expect(isNear(world.bytes(host), 20 * mebibyte, slack: 256 * 1_024)) }
    }

    @Test func `may use a pause's rate, as far as the burst goes`() {
        var limits = RateLimits(total: mebibyte)
        limits.burst = .seconds(2)
        let world = RateWorld(limits)
        world.open("first")
        world.close("first")
        world.pause(for: .seconds(60))
        world.open("a")
        #expect(isNear(world.bytes("a"), 2 * mebibyte, slack: 2 * 64 * 1_024))
    }

    @Test func `start without a burst, however often they come back`() {
        var limits = RateLimits()
        limits.perHost = mebibyte
        let world = RateWorld(limits)
        var total = 0
        for round in 0..<100 {
            world.open("\(round)")
            world.run(for: .milliseconds(100))
            total += world.bytes("\(round)")
            world.close("\(round)")
        }
        #expect(isNear(total, 10 * mebibyte, slack: 2 * 64 * 1_024))
    }

    @Test func `that fall silent after their turn take nothing from the others`() {
        let world = RateWorld(RateLimits(total: mebibyte))
        world.open("busy")
        // Each has had one batch, asks, gets its turn, and has nothing to read.
        for number in 0..<100 {
            let id = world.tree.join(host: "h\(number)", output: "app", now: world.now) {}
            world.tree.spend(mebibyte / 100, id, now: world.now)
            _ = world.tree.mayRead(id, now: world.now)
        }
        world.run(for: .seconds(11))
        #expect(isNear(world.bytes("busy"), 10 * mebibyte, slack: 3 * 64 * 1_024))
    }

    @Test(arguments: [0, 200])
    func `are charged a late batch at its turn's place, however many hosts there are`(others: Int) {
        let world = RateWorld(RateLimits(total: mebibyte))
        world.open("busy", host: "busy")
        let turnCount = Atomic(0)
        let late = world.waitingStream(host: "late") { turnCount.add(1, ordering: .relaxed) }
        for number in 0..<others { _ = world.waitingStream(host: "\(number)") {} }
        world.run(for: .seconds(20))
        world.tree.spend(mebibyte, late, now: world.now)
        #expect(!world.tree.mayRead(late, now: world.now))
        // The others have had as much since that turn: the bytes have to come in, and it is the next one.
        world.run(for: .milliseconds(1_300))
        #expect(turnCount.load(ordering: .relaxed) == 2)
    }

    @Test func `that end without having read cost their host nothing`() {
        let world = RateWorld(RateLimits(total: mebibyte))
        world.open("other", host: "b")
        let onTurn = (0..<50).map { _ in world.waitingStream(host: "a", batch: mebibyte / 50) {} }
        world.run(for: .milliseconds(1_500))
        for id in onTurn { world.tree.leave(id) }
        for number in 0..<50 { world.open("\(number)", host: "a") }
        for number in 0..<50 { world.close("\(number)") }
        world.open("a", host: "a")
        let before = world.bytes("other")
        world.run(for: .seconds(10))
        #expect(isNear(world.bytes("a"), world.bytes("other") - before, slack: 4 * 64 * 1_024))
    }

    @Test func `that end while they wait leave no gap`() {
        let world = RateWorld(RateLimits(total: mebibyte))
        for number in 0..<50 { world.open("\(number)") }
        world.open("rest")
        for number in 0..<50 { world.close("\(number)") }
        world.run(for: .seconds(20))
        #expect(isNear(world.bytes("rest"), 20 * mebibyte, slack: 3 * 64 * 1_024))
    }

    @Test func `follow another rate at once`() {
        let world = RateWorld(RateLimits(total: 1_024))
        world.open("a")
        world.run(for: .seconds(1))
        world.tree.change(RateLimits(total: 100 * mebibyte), now: world.now)
        let before = world.bytes("a")
        world.run(for: .seconds(1))
        #expect(isNear(world.bytes("a") - before, 100 * mebibyte, slack: mebibyte))
    }

    @Test func `go on when the limit that they wait for is lifted`() {
        let world = RateWorld(RateLimits(total: 1_024))
        let id = world.tree.join(host: "web1", output: "app", now: .zero) {}
        world.tree.spend(mebibyte, id, now: .zero)
        #expect(!world.tree.mayRead(id, now: .zero))
        #expect(world.tree.obstacle(of: id) == .total)
        world.tree.change(RateLimits(), now: .zero)
        #expect(world.tree.advance(now: .milliseconds(1)).count == 1)
        #expect(world.tree.obstacle(of: id) == nil && world.tree.due == nil)
    }

    @Test func `are counted by what they waited for`() throws {
        var limits = RateLimits(total: 10 * mebibyte)
        limits.perStream = mebibyte
        let world = RateWorld(limits)
        world.open("a")
        world.run(for: .seconds(10))
        let waited = try #require(world.tree.waited[.stream])
        #expect(waited > .seconds(9) && waited <= .seconds(10))
        #expect(world.tree.waited[.total] == nil)
    }
}
