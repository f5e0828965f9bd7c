/// What one limit still allows: bytes (or connections) come in at a steady rate, up to a capacity, and are taken out as
/// they are used.
///
/// It may be overdrawn, since a read's size is known only after it: then the debt has to come in first. A new bucket is
/// empty and not full, so that whoever reconnects gains nothing by it.
struct TokenBucket {
    /// A second.
    private var rate: Double
    private var capacity: Double
    private var tokens = 0.0
    /// When ``tokens`` was right.
    private var time: Duration

    /// `burst` is how long the bucket takes to fill.
    init(perSecond: Int, burst: Duration, now: Duration) {
        rate = Double(perSecond)
        capacity = rate * burst.inSeconds
        time = now
    }

    /// Nobody has to wait for it.
    var isOpen: Bool { tokens >= 0 }

    func holds(_ count: Int) -> Bool { tokens >= Double(count) }

    var isFull: Bool { tokens >= capacity }

    /// How long until it is open, if nothing else is taken.
    var delay: Duration { isOpen ? .zero : .seconds(-tokens / rate) }

    mutating func refill(now: Duration) {
        guard now > time else { return }
        tokens = min(tokens + (now - time).inSeconds * rate, capacity)
        time = now
    }

    /// A negative count gives back what was taken in advance.
    mutating func take(_ byteCount: Int) { tokens -= Double(byteCount) }

    /// Another rate from now on; debts stay, and what is saved is cut to the new capacity.
    mutating func change(perSecond: Int, burst: Duration, now: Duration) {
        refill(now: now)
        rate = Double(perSecond)
        capacity = rate * burst.inSeconds
        tokens = min(tokens, capacity)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
