internal import HamsterRateLimit
internal import NIOCore
internal import Synchronization

/// Closes enrolment to an address that has failed too often: tokens can't be guessed, and their proofs cost something.
final class EnrollmentDoor: Sendable {
    private struct Visitor {
        var failures = 0
        /// Attempts that are not decided yet.
        var pending = 0
        /// When the first failure was counted, or when the door was closed.
        var since: NIODeadline
    }

    /// An attempt that may be made. ``leave(_:hasFailed:at:)`` ends it, once.
    struct Attempt {
        fileprivate let address: AddressBlock?
        /// False: there was no room to remember it, so nothing is to be taken back.
        fileprivate let isCounted: Bool
    }

    enum Answer {
        case open(Attempt)
        /// The address has to wait so many seconds.
        case closed(seconds: Int)
    }

    private static let failuresMax = 5
    /// New hosts behind one address may come at the same time.
    private static let pendingMax = 64
    private static let closedFor: TimeAmount = .minutes(10)
    /// Addresses that are remembered, in memory that a stranger can claim. Others are let in then: what is behind the door can't be
    /// guessed, and nobody shall be able to close it for all.
    private let visitorsMax: Int
    private let visitors = Mutex<[AddressBlock?: Visitor]>([:])

    init(visitorsMax: Int = 100_000) { self.visitorsMax = visitorsMax }

    /// Begins an attempt, or says why there is none.
    func enter(_ address: AddressBlock?, at now: NIODeadline) -> Answer {
        visitors.withLock { visitors in
            guard visitors[address] != nil || visitors.count < visitorsMax else {
                Self.forgetOne(of: &visitors, now)
                return .open(Attempt(address: address, isCounted: false))
            }
            var visitor = visitors[address] ?? Visitor(since: now)
            if Self.isOver(visitor, now) { visitor.failures = 0 }
            guard visitor.failures < Self.failuresMax else {
                return .closed(seconds: Self.seconds(visitor.since + Self.closedFor - now))
            }
            guard visitor.pending < Self.pendingMax else { return .closed(seconds: 1) }
            visitor.pending += 1
            visitors[address] = visitor
            return .open(Attempt(address: address, isCounted: true))
        }
    }

    func leave(_ attempt: Attempt, hasFailed: Bool, at now: NIODeadline) {
        guard attempt.isCounted else { return }
        visitors.withLock { visitors in
            guard var visitor = visitors[attempt.address] else { return }
            visitor.pending -= 1
            if hasFailed {
                visitor.failures += 1
                if visitor.failures == 1 || visitor.failures == Self.failuresMax { visitor.since = now }
            }
            visitors[attempt.address] = visitor.failures == 0 && visitor.pending == 0 ? nil : visitor
        }
    }

    /// Makes room, one at a time: a look at all of them would hold up an event loop.
    private static func forgetOne(of visitors: inout [AddressBlock?: Visitor], _ now: NIODeadline) {
        if let over = visitors.first(where: { isOver($0.value, now) }) { visitors[over.key] = nil }
    }

    private static func isOver(_ visitor: Visitor, _ now: NIODeadline) -> Bool {
        visitor.pending == 0 && now - visitor.since >= closedFor
    }

    private static func seconds(_ time: TimeAmount) -> Int {
        Int(max(1, (time.nanoseconds + 999_999_999) / 1_000_000_000))
    }
}
