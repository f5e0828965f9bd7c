import Testing

@testable import HamsterRateLimit

@Suite struct `A bucket` {
    @Test func `is shut for as long as its debt takes to come in`() {
        var bucket = TokenBucket(perSecond: 1_000, burst: .seconds(1), now: .seconds(5))
        #expect(bucket.isOpen)
        bucket.take(500)
        #expect(bucket.delay == .milliseconds(500))
        bucket.refill(now: .seconds(5) + .milliseconds(499))
        #expect(!bucket.isOpen)
        bucket.refill(now: .seconds(5) + .milliseconds(501))
        #expect(bucket.isOpen)
    }

    @Test func `holds no more than the burst`() {
        var bucket = TokenBucket(perSecond: 1_000, burst: .seconds(2), now: .zero)
        bucket.refill(now: .seconds(100))
        bucket.take(2_500)
        #expect(bucket.delay == .milliseconds(500))
    }

    @Test func `keeps its debt when the rate changes, and cuts what was saved`() {
        var bucket = TokenBucket(perSecond: 1_000, burst: .seconds(1), now: .zero)
        bucket.take(1_000)
        bucket.change(perSecond: 100, burst: .seconds(1), now: .zero)
        #expect(bucket.delay == .seconds(10))
        bucket.refill(now: .seconds(100))
        bucket.change(perSecond: 10, burst: .seconds(1), now: .seconds(100))
        bucket.take(20)
        #expect(bucket.delay == .seconds(1))
    }

    @Test func `takes a clock that stands still`() {
        var bucket = TokenBucket(perSecond: 1_000, burst: .seconds(1), now: .seconds(1))
        bucket.take(1)
        bucket.refill(now: .zero)
        #expect(!bucket.isOpen)
    }
}
