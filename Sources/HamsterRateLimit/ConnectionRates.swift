/// How often each source address may connect. Its memory is bounded, whoever knocks.
package struct ConnectionRates {
    package enum Verdict: Sendable, Hashable {
        case accept
        /// Too often, but few enough to be told so.
        case refuse
        /// Close without a word.
        case drop
    }

    /// Addresses that are remembered; beyond that, newcomers share a rate.
    private static let addressesMax = 65_536
    /// Refusals a second that are said, to all addresses together: each costs a handshake.
    private static let toldPerSecond = 100

    private let perSecond: Int
    private var buckets: [AddressBlock: TokenBucket] = [:]
    private var others: TokenBucket
    private var told: TokenBucket

    /// A second's connections may come at once.
    package init(perSecond: Int, now: Duration) {
        self.perSecond = perSecond
        others = Self.bucket(perSecond, now)
        told = Self.bucket(Self.toldPerSecond, now)
    }

    /// Whether a connection from this address is let in. `now` never runs backwards.
    package mutating func knock(_ address: AddressBlock, now: Duration) -> Verdict {
        if buckets[address] == nil, buckets.count >= Self.addressesMax { forgetIdle(now: now) }
        guard buckets[address] != nil || buckets.count < Self.addressesMax else {
            return Self.take(from: &others, now) ? .accept : refusal(now)
        }
        return Self.take(from: &buckets[address, default: Self.bucket(perSecond, now)], now) ? .accept : refusal(now)
    }

    private mutating func refusal(_ now: Duration) -> Verdict { Self.take(from: &told, now) ? .refuse : .drop }

    private mutating func forgetIdle(now: Duration) {
        buckets = buckets.filter { _, bucket in
            var bucket = bucket
            bucket.refill(now: now)
            return !bucket.isFull
        }
    }

    private static func bucket(_ perSecond: Int, _ now: Duration) -> TokenBucket {
        // Time before now has filled it.
        var bucket = TokenBucket(perSecond: perSecond, burst: .seconds(1), now: now - .seconds(1))
        bucket.refill(now: now)
        return bucket
    }

    private static func take(from bucket: inout TokenBucket, _ now: Duration) -> Bool {
        bucket.refill(now: now)
        guard bucket.holds(1) else { return false }
        bucket.take(1)
        return true
    }
}
