internal import COpenSSL
private import Glibc

/// A moment in a certificate or revocation list.
struct CertificateTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970, without leap seconds.
    let unixSeconds: Int64

    init(unixSeconds: Int64) { self.unixSeconds = unixSeconds }

    /// A time that can't be read counts as 1970: expired.
    init(_ time: UnsafePointer<ASN1_TIME>?) {
        var parts = tm()
        unixSeconds = time != nil && ASN1_TIME_to_tm(time, &parts) == 1 ? Int64(timegm(&parts)) : 0
    }

    static var now: CertificateTime { CertificateTime(unixSeconds: Int64(time(nil))) }

    /// For example `2026-01-01 00:00:00 UTC`.
    var description: String {
        var seconds = time_t(unixSeconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let day = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)].map(Self.twoDigits)
        let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map(Self.twoDigits)
        return "\(day.joined(separator: "-")) \(clock.joined(separator: ":")) UTC"
    }

    static func < (left: Self, right: Self) -> Bool { left.unixSeconds < right.unixSeconds }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
