internal import Synchronization

/// How often one host may renew: each renewal is a signature and a line on disk, and a client that loses the answers, or whoever has
/// its key, asks for more than one.
final class RenewalQuota: Sendable {
    private struct Visits {
        var count: Int
        /// In seconds since 1970, of the first one.
        var since: Int64
    }

    private static let countMax = 10
    /// In seconds.
    private static let windowMax: Int64 = 3_600
    /// Hosts that are remembered. All of them have shown a certificate of ours, so they can't be made up.
    private static let hostsMax = 100_000

    private let window: Int64
    private let visits = Mutex<[String: Visits]>([:])

    /// `life` is that of the certificates, in seconds: short ones are renewed more often.
    init(life: Int64) { window = max(1, min(Self.windowMax, life / 3)) }

    /// Counts a renewal. Nil: it may be made; else how many seconds the host has to wait.
    func take(_ host: String, at now: Int64) -> Int? {
        visits.withLock { visits in
            if visits.count >= Self.hostsMax { visits = visits.filter { !isOver($0.value, now) } }
            var known = visits[host] ?? Visits(count: 0, since: now)
            if isOver(known, now) { known = Visits(count: 0, since: now) }
            guard known.count < Self.countMax else { return Int(max(1, known.since + window - now)) }
            known.count += 1
            visits[host] = known
            return nil
        }
    }

    /// Takes back one that was counted and could not be made.
    func giveBack(_ host: String) { visits.withLock { $0[host]?.count -= 1 } }

    /// Also where the clock was set back.
    private func isOver(_ visits: Visits, _ now: Int64) -> Bool { now - visits.since >= window || now < visits.since }
}
