package import HamsterTLS

/// Decides when an operator is told that a certificate or revocation list ends: 30, 7 and 1 days before, each once, and every
/// day after.
///
/// What lives for a short time only is renewed late by intention: a certificate is not spoken of before half of its life is
/// over, nor a list that lives for less than 60 days before nine tenths are.
package struct ExpiryReminder {
    /// What to say of one of them.
    package struct Reminder: Sendable, Hashable {
        package let credential: CredentialValidity
        /// Until its end in seconds; zero or less: it is over.
        package let secondsLeft: Int64

        package var isExpired: Bool { secondsLeft <= 0 }
        /// Whole days until its end; zero on its last day.
        package var daysLeft: Int64 { max(0, secondsLeft / ExpiryReminder.day) }
    }

    fileprivate static let day: Int64 = 86_400
    private static let thresholds: [Int64] = [30 * day, 7 * day, day]

    /// The stage that was spoken of last: the seconds before the end at which it begins, negative after the end.
    private var stages: [CredentialValidity: Int64] = [:]

    package init() {}

    /// What is to be said at `now`, in seconds since 1970, of those that are in use.
    package mutating func due(_ credentials: [CredentialValidity], at now: Int64) -> [Reminder] {
        var due: [Reminder] = []
        var known: [CredentialValidity: Int64] = [:]
        for credential in credentials where known[credential] == nil {
            let left = credential.notAfter.subtractingReportingOverflow(now)
            guard !left.overflow, let stage = Self.stage(credential, secondsLeft: left.partialValue) else { continue }
            known[credential] = stage
            // A clock that was set back takes a stage back, too, and nobody is told twice.
            guard stages[credential].map({ stage < $0 }) ?? true else {
                known[credential] = stages[credential]
                continue
            }
            due.append(Reminder(credential: credential, secondsLeft: left.partialValue))
        }
        stages = known
        return due
    }

    private static func stage(_ credential: CredentialValidity, secondsLeft: Int64) -> Int64? {
        guard secondsLeft > 0 else { return secondsLeft / day - 1 }
        return stages(credential).last { secondsLeft <= $0 }
    }

    /// How many seconds before its end it is spoken of, the first time first.
    private static func stages(_ credential: CredentialValidity) -> [Int64] {
        let life = max(0, credential.notAfter &- credential.notBefore)
        // What renews itself does so with more than a quarter of its life left, as ACME clients do, and is no news before.
        let early = thresholds.filter { $0 <= life / 4 }
        switch credential.role {
        case .revocationList where life < 2 * (thresholds.first ?? 0):
            return [min(day, life / 10)]
        case .own, .authority, .revocationList:
            return early.isEmpty ? [life / 10] : early
        }
    }
}

extension ExpiryReminder {
    /// How near an end is, as far as an operator is told of it.
    package enum Urgency: Sendable, Hashable {
        case none
        /// It was spoken of once.
        case soon
        /// It was spoken of again.
        case pressing
        case expired
    }

    /// How urgent it is at `now`, in seconds since 1970, to replace one that is in use.
    package static func urgency(of credential: CredentialValidity, at now: Int64) -> Urgency {
        let left = credential.notAfter.subtractingReportingOverflow(now)
        guard !left.overflow else { return .none }
        guard left.partialValue > 0 else { return .expired }
        switch stages(credential).count(where: { left.partialValue <= $0 }) {
        case 0: return .none
        case 1: return .soon
        default: return .pressing
        }
    }
}
