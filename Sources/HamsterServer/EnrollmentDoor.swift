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

    private static let failuresMax = 5
    /// New hosts behind one address may come at the same time.
    private static let pendingMax = 64
    private static let closedFor: TimeAmount = .minutes(10)
    /// Addresses that are remembered, in memory that a stranger can claim. Others are let in then: what is behind the door can't be
    /// guessed, and nobody shall be able to close it for all.
    private static let visitorsMax = 100_000

    private let visitors = Mutex<[AddressBlock?: Visitor]>([:])

    /// Begins an attempt, which ``leave(_:hasFailed:at:)`` ends. Nil: it may be made; else how many seconds the address has to
    /// wait.
    func enter(_ address: AddressBlock?, at now: NIODeadline) -> Int? {
        visitors.withLock { visitors in
            guard visitors[address] != nil || visitors.count < Self.visitorsMax else {
                Self.forgetOne(of: &visitors, now)
                return nil
            }
            var visitor = visitors[address] ?? Visitor(since: now)
            if Self.isOver(visitor, now) { visitor.failures = 0 }
            guard visitor.failures < Self.failuresMax else { return Self.seconds(visitor.since + Self.closedFor - now) }
            guard visitor.pending < Self.pendingMax else { return 1 }
            visitor.pending += 1
            visitors[address] = visitor
            return nil
        }
    }

    func leave(_ address: AddressBlock?, hasFailed: Bool, at now: NIODeadline) {
        visitors.withLock { visitors in
            guard var visitor = visitors[address] else { return }
            visitor.pending -= 1
            if hasFailed {
                visitor.failures += 1
                if visitor.failures == 1 || visitor.failures == Self.failuresMax { visitor.since = now }
            }
            visitors[address] = visitor.failures == 0 && visitor.pending == 0 ? nil : visitor
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
