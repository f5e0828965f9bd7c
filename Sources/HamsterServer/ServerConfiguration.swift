package import HamsterCore
package import HamsterEnrollment
package import HamsterRateLimit
package import HamsterRouting
package import HamsterStore
package import HamsterTLS

/// All that a server needs to know; checked where it is made, copied at the start.
package struct ServerConfiguration: Sendable {
    /// An address to listen on; port 0 lets the system choose.
    package struct Listener: Sendable, Hashable, CustomStringConvertible {
        /// An IPv4 or IPv6 address, the latter without brackets.
        package var address: String
        package var port: Int
        /// Load balancers that say where each connection comes from (PROXY protocol, version 2); no other source may connect.
        /// Nil: whoever connects speaks for himself.
        package var proxies: [IPNetwork]?
        /// Whether hosts ask for certificates there, and for nothing else.
        package var isForEnrollment = false

        package init(address: String, port: Int, proxies: [IPNetwork]? = nil, isForEnrollment: Bool = false) {
            self.address = address
            self.port = port
            self.proxies = proxies
            self.isForEnrollment = isForEnrollment
        }

        package var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
    }

    /// Bounds on what strangers and friends may ask of the server.
    package struct Limits: Sendable, Hashable {
        /// Connections at once; more are answered with 429.
        package var connectionsMax = 10_000
        /// New connections of one address in a second; more are answered with 429. Nil: no limit.
        package var connectionsPerSecond: Int?
        /// Open streams of one host; more are answered with 429.
        package var streamsPerHostMax = 1_000
        /// Files of one host that are known at once; new ones beyond are answered with 429.
        package var filesPerHostMax = 250_000
        /// From the connection's first byte to the open stream.
        package var handshakeTimeout: Duration = .seconds(10)
        /// Silence after which a stream is closed; nil: never.
        package var idleTimeout: Duration?
        /// How long a stop may take.
        package var shutdownGrace: Duration = .seconds(10)

        package init() {}
    }

    package var listeners: [Listener]
    /// The load balancers that are believed, for sockets that the system hands over.
    package var proxies: [IPNetwork] = []
    /// Event loops; 0: one a core.
    package var threads = 0
    /// Nil: plain text, because the operator said so.
    package var tls: TLSServerConfiguration?
    package var hostBinding: HostBinding
    /// Nil: nobody is given a certificate.
    package var enrollment: EnrollmentConfiguration?
    package var store: StoreConfiguration
    package var outputs: [OutputRule] = []
    package var hasFallback = true
    package var limits = Limits()
    package var rates = RateLimits()

    package init(
        listeners: [Listener], tls: TLSServerConfiguration?, hostBinding: HostBinding, store: StoreConfiguration
    ) {
        self.listeners = listeners
        self.tls = tls
        self.hostBinding = hostBinding
        self.store = store
    }
}

extension ServerConfiguration {
    /// The files of certificates, keys and revocations.
    package var credentials: [String] {
        [tls?.certificate, tls?.key, tls?.clientCA, tls?.crl, enrollment?.authority, enrollment?.key].compactMap { $0 }
    }

    /// The keys whose values differ and can't be changed while the server runs.
    package func keysThatNeedRestart(for other: ServerConfiguration) -> [String] {
        var keys: [String] = []
        if listeners != other.listeners { keys.append("listen") }
        if threads != other.threads { keys.append("threads") }
        if store.directory != other.store.directory { keys.append("directory") }
        if store.stateDirectory != other.store.stateDirectory { keys.append("state") }
        if store.lineBytesMax != other.store.lineBytesMax { keys.append("limits.max_line") }
        let isDurableAlike =
            store.sync == other.store.sync && store.commitInterval == other.store.commitInterval
            && store.commitBytes == other.store.commitBytes && store.forgetAfter == other.store.forgetAfter
            && store.freeSpaceMin == other.store.freeSpaceMin
        if !isDurableAlike { keys.append("durability") }
        if (tls == nil) != (other.tls == nil) { keys.append("tls.enabled") }
        return keys
    }
}

/// Who may send for which host.
package struct HostBinding: Sendable {
    /// A certificate that may send for hosts that are not in its names: a relay.
    package struct Relay: Sendable, Hashable {
        /// A DNS name of the certificate.
        package var certificate: String
        package var hosts: [Glob]

        package init(certificate: String, hosts: [Glob]) {
            self.certificate = certificate
            self.hosts = hosts
        }
    }

    /// Whether the host of `INIT` must be a name of the client's certificate.
    package var isRequired: Bool
    package var relays: [Relay]

    package init(isRequired: Bool, relays: [Relay] = []) {
        self.isRequired = isRequired
        self.relays = relays
    }

    /// Whether the peer with this identity may send for `host`. Names compare without regard to case (RFC 4343).
    package func permits(_ identity: PeerIdentity?, host: String) -> Bool {
        guard isRequired else { return true }
        guard let identity else { return false }
        let host = host.lowercased()
        if identity.dnsNames.contains(host) || identity.ipAddresses.contains(host) { return true }
        return relays.contains { relay in
            identity.dnsNames.contains(relay.certificate.lowercased()) && relay.hosts.contains { $0.matches(host) }
        }
    }
}
