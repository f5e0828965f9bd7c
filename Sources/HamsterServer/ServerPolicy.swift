internal import HamsterProtocol
internal import HamsterRouting
internal import HamsterTLS
internal import Synchronization

/// What a reload can change while connections go on: who is let in, and where streams go.
struct ServerPolicy: Sendable {
    var router: Router
    var hostBinding: HostBinding
    /// Nil: plain text.
    var tls: TLSContext?
    var limits: ServerConfiguration.Limits

    /// Reads the certificates. Throws `TLSError`.
    init(_ configuration: ServerConfiguration) throws(TLSError) {
        router = Router(rules: configuration.outputs, hasFallback: configuration.hasFallback)
        hostBinding = configuration.hostBinding
        tls = try configuration.tls.map { settings throws(TLSError) in
            try TLSContext(server: settings, applicationProtocols: [ProtocolLimits.applicationProtocol])
        }
        limits = configuration.limits
    }
}

/// The policy that is in force. Any thread may ask.
final class LivePolicy: Sendable {
    private let policy: Mutex<ServerPolicy>

    init(_ policy: ServerPolicy) { self.policy = Mutex(policy) }

    var current: ServerPolicy { policy.withLock { $0 } }

    func replace(with policy: ServerPolicy) { self.policy.withLock { $0 = policy } }
}
