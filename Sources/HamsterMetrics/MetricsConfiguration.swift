package import HamsterTLS

/// Where scrapers find the metrics, and what they may ask of the program.
package struct MetricsConfiguration: Sendable, Hashable {
    /// Bounds on those who ask.
    package struct Limits: Sendable, Hashable {
        /// Connections at once; more are closed without an answer.
        package var connectionsMax = 16
        /// How long one may take from its beginning to the last byte of its answer.
        package var timeout: Duration = .seconds(10)

        package init() {}
    }

    /// The paths that say how the program is.
    package static let healthPath = "/healthz"
    package static let readinessPath = "/readyz"

    /// A name or an address, the latter without brackets.
    package var address: String
    /// 0: the system chooses.
    package var port: Int
    package var path: String
    /// Nil: plain text.
    package var tls: TLSServerConfiguration?
    package var limits = Limits()

    package init(address: String, port: Int, path: String = "/metrics", tls: TLSServerConfiguration? = nil) {
        self.address = address
        self.port = port
        self.path = path
        self.tls = tls
    }

    /// `address:port`, as people write it.
    package var listener: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }

    /// The keys whose values differ and can't be changed while the program runs; nil: metrics are not offered.
    package static func keysThatNeedRestart(from old: Self?, to new: Self?) -> [String] {
        guard let old, let new else { return (old == nil) == (new == nil) ? [] : ["prometheus.enabled"] }
        var keys: [String] = []
        if new.listener != old.listener { keys.append("prometheus.listen") }
        if new.path != old.path { keys.append("prometheus.path") }
        if (new.tls == nil) != (old.tls == nil) { keys.append("prometheus.tls.enabled") }
        return keys
    }

    /// The files of certificates, keys and revocations.
    package var credentials: [String] { [tls?.certificate, tls?.key, tls?.clientCA, tls?.crl].compactMap { $0 } }
}
