internal import DequeModule
internal import HeapModule

/// Who may read, and who waits for which limit. Knows no clock and no threads: the time is handed in, and never runs
/// backwards.
///
/// A stream pays for a batch after it was read, and asks before it reads the next one. It waits at one limit at a time, for
/// its own first and for the common ones last. Who was let through out of a queue pays as much as its last batch cost in
/// advance, so that no more are let through than there is for; where it does not read within ``turnMax`` it gets that back.
final class RateTree {
    /// Names a stream that has joined.
    struct ID: Sendable, Hashable {
        fileprivate var number: Int
    }

    /// How long a turn's advance payment is kept for a stream that has nothing to read.
    private static let turnMax: Duration = .milliseconds(20)
    /// What a stream's first batch is taken for.
    private static let firstBatch = 16 * 1_024
    /// Turns are not given one by one more often than that: at high rates several come together.
    private static let granularity: Duration = .milliseconds(1)

    /// One limit, and those who wait for it.
    final class Meter {
        let scope: RateScope
        /// Nil: no limit.
        fileprivate(set) var bucket: TokenBucket?
        fileprivate var queue = FairQueue()
        /// When the next in turn may have it.
        fileprivate var due: Duration?
        /// Streams that count to it.
        fileprivate var members = 0

        fileprivate init(_ scope: RateScope) { self.scope = scope }

        /// Who comes now has to wait.
        fileprivate func isShut(now: Duration) -> Bool {
            bucket?.refill(now: now)
            return !queue.isEmpty || !(bucket?.isOpen ?? true)
        }
    }

    final class Stream {
        enum State {
            /// It has to ask before it reads.
            case free
            case waiting(Meter, since: Duration)
            /// It may read once.
            case turn
        }

        /// In the order of ``RateScope``.
        fileprivate let meters: [Meter]
        fileprivate let onTurn: @Sendable () -> Void
        fileprivate(set) var state = State.free
        fileprivate(set) var isGone = false
        /// Bytes of the last batch.
        fileprivate var batch = RateTree.firstBatch
        /// Bytes that were paid in advance.
        fileprivate var prepaid = 0
        /// The turn that is waited for or that the next batch belongs to, and whose queue it is of.
        fileprivate var booking: (meter: Meter, turn: FairQueue.Turn)?
        fileprivate var turnSince = Duration.zero

        fileprivate init(_ meters: [Meter], onTurn: @escaping @Sendable () -> Void) {
            self.meters = meters
            self.onTurn = onTurn
        }

        /// Whose share of the meter it uses: a host's own streams share among themselves, and hosts share the rest.
        fileprivate func flow(at meter: Meter) -> ObjectIdentifier {
            switch meter.scope {
            case .stream, .host: ObjectIdentifier(self)
            case .output, .total: ObjectIdentifier(meters[1])
            }
        }
    }

    private struct Due: Comparable {
        var time: Duration
        var meter: Meter

        static func < (a: Due, b: Due) -> Bool { a.time < b.time }
        static func == (a: Due, b: Due) -> Bool { a.time == b.time }
    }

    private var limits: RateLimits
    private let total = Meter(.total)
    private var hosts: [String: Meter] = [:]
    private var outputs: [String: Meter] = [:]
    private var streams: [ID: Stream] = [:]
    private var lastID = ID(number: 0)
    private var dues = Heap<Due>()
    /// Those whose turn is paid in advance, the oldest first.
    private var turns = Deque<Stream>()
    private var waiting = 0
    private var hostsMax = 64
    /// How long streams have waited, by what for.
    private(set) var waited: [RateScope: Duration] = [:]

    init(_ limits: RateLimits, now: Duration) {
        self.limits = limits
        set(limits.total, total, now)
    }

    // MARK: Streams

    /// `onTurn` is called where a stream that had to wait may read; see ``advance(now:)``.
    func join(host: String, output: String, now: Duration, onTurn: @escaping @Sendable () -> Void) -> ID {
        let own = Meter(.stream)
        set(limits.perStream, own, now)
        let stream = Stream([own, meter(host: host, now), meter(output: output, now), total], onTurn: onTurn)
        for meter in stream.meters { meter.members += 1 }
        lastID.number += 1
        streams[lastID] = stream
        return lastID
    }

    func leave(_ id: ID) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.isGone = true
        settle(stream, byteCount: 0)
        endTurn(of: stream, byteCount: 0)
        if case .waiting(let meter, _) = stream.state {
            meter.queue.abandon()
            waiting -= 1
        }
        for meter in stream.meters { meter.members -= 1 }
    }

    /// The stream has read a batch.
    func spend(_ byteCount: Int, _ id: ID, now: Duration) {
        guard let stream = streams[id] else { return }
        for meter in stream.meters { meter.bucket?.refill(now: now) }
        settle(stream, byteCount: byteCount)
        stream.batch = byteCount
        if case .turn = stream.state {
            endTurn(of: stream, byteCount: byteCount)
            stream.state = .free
        }
    }

    /// Whether the stream may read now. False: it is told when.
    func mayRead(_ id: ID, now: Duration) -> Bool {
        guard let stream = streams[id] else { return true }
        switch stream.state {
        case .turn: return true
        case .waiting: return false
        case .free: return pass(stream, now: now)
        }
    }

    /// What the stream waits for; nil: nothing.
    func obstacle(of id: ID) -> RateScope? {
        guard case .waiting(let meter, _)? = streams[id]?.state else { return nil }
        return meter.scope
    }

    // MARK: Time

    /// When ``advance(now:)`` is to be called; nil: nobody waits.
    var due: Duration? {
        guard waiting > 0 else { return nil }
        let turn = turns.first.map { $0.turnSince + Self.turnMax }
        return [dues.min?.time, turn].compactMap { $0 }.min()
    }

    /// Gives turns to those who have waited long enough. Returns what they are to be told by.
    func advance(now: Duration) -> [@Sendable () -> Void] {
        takeBackTurns(now: now)
        var turns: [@Sendable () -> Void] = []
        while let next = dues.min, next.time <= now {
            dues.removeMin()
            guard next.meter.due == next.time else { continue }
            next.meter.due = nil
            giveTurns(next.meter, now: now, &turns)
        }
        return turns
    }

    /// Puts other rates in force, for the streams that are open as well.
    func change(_ limits: RateLimits, now: Duration) {
        self.limits = limits
        set(limits.total, total, now)
        for meter in hosts.values { set(limits.perHost, meter, now) }
        for (name, meter) in outputs { set(limits.perOutput[name], meter, now) }
        for stream in streams.values { set(limits.perStream, stream.meters[0], now) }
    }
}

extension RateTree {
    /// Lets the stream through, or puts it into the queue of the first limit that is in its way.
    private func pass(_ stream: Stream, after passed: Meter? = nil, now: Duration) -> Bool {
        for meter in stream.meters where meter !== passed && meter.isShut(now: now) {
            stream.state = .waiting(meter, since: now)
            waiting += 1
            stream.booking = (
                meter, meter.queue.push(stream, flow: stream.flow(at: meter), cost: max(1, stream.batch))
            )
            schedule(meter, now: now)
            return false
        }
        stream.state = .turn
        return true
    }

    private func giveTurns(_ meter: Meter, now: Duration, _ told: inout [@Sendable () -> Void]) {
        meter.bucket?.refill(now: now)
        while meter.bucket?.isOpen ?? true, let stream = meter.queue.pop() {
            if case .waiting(_, let since) = stream.state { waited[meter.scope, default: .zero] += now - since }
            waiting -= 1
            let booking = stream.booking
            guard pass(stream, after: meter, now: now) else {
                // It waits at another limit, which has a booking of its own.
                if let booking { meter.queue.settle(booking.turn, byteCount: 0) }
                continue
            }
            prepay(stream, now: now)
            told.append(stream.onTurn)
        }
        if !meter.queue.isEmpty { schedule(meter, now: now) }
    }

    private func schedule(_ meter: Meter, now: Duration) {
        guard meter.due == nil else { return }
        let due = now + max(meter.bucket?.delay ?? .zero, Self.granularity)
        meter.due = due
        dues.insert(Due(time: due, meter: meter))
    }

    private func prepay(_ stream: Stream, now: Duration) {
        stream.prepaid = stream.batch
        stream.turnSince = now
        for meter in stream.meters { meter.bucket?.take(stream.batch) }
        turns.append(stream)
    }

    private func settle(_ stream: Stream, byteCount: Int) {
        for meter in stream.meters { meter.bucket?.take(byteCount - stream.prepaid) }
        stream.prepaid = 0
    }

    private func endTurn(of stream: Stream, byteCount: Int) {
        guard let (meter, turn) = stream.booking else { return }
        meter.queue.settle(turn, byteCount: byteCount)
        stream.booking = nil
    }

    private func takeBackTurns(now: Duration) {
        while let stream = turns.first, stream.prepaid == 0 || stream.turnSince + Self.turnMax <= now {
            settle(stream, byteCount: 0)
            turns.removeFirst()
        }
    }

    private func meter(host: String, _ now: Duration) -> Meter {
        if let meter = hosts[host] { return meter }
        if hosts.count >= hostsMax {
            // Those in debt stay: a host that comes back still owes.
            hosts = hosts.filter { _, meter in meter.members > 0 || meter.isShut(now: now) }
            hostsMax = max(64, 2 * hosts.count)
        }
        let meter = Meter(.host)
        set(limits.perHost, meter, now)
        hosts[host] = meter
        return meter
    }

    private func meter(output: String, _ now: Duration) -> Meter {
        if let meter = outputs[output] { return meter }
        let meter = Meter(.output)
        set(limits.perOutput[output], meter, now)
        outputs[output] = meter
        return meter
    }

    private func set(_ rate: Int?, _ meter: Meter, _ now: Duration) {
        guard let rate else {
            meter.bucket = nil
            reschedule(meter, now: now)
            return
        }
        if meter.bucket == nil {
            meter.bucket = TokenBucket(perSecond: rate, burst: limits.burst, now: now)
        } else {
            meter.bucket?.change(perSecond: rate, burst: limits.burst, now: now)
        }
        reschedule(meter, now: now)
    }

    /// After a change of the rate those who wait may be let in earlier.
    private func reschedule(_ meter: Meter, now: Duration) {
        meter.due = nil
        if !meter.queue.isEmpty { schedule(meter, now: now) }
    }
}
