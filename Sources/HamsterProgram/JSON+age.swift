package import HamsterStatus

extension JSON {
    /// How long ago the moment was that a member holds in Unix seconds, in its two largest units; `-` where there is none.
    package func age(_ name: String, now: Int64) -> String {
        guard case .integer(let then) = self[name] else { return "-" }
        let seconds = max(0, Int(now) - then)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return "\(seconds / 60)m\(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3_600)h\(seconds % 3_600 / 60)m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3_600)h"
        }
    }
}
