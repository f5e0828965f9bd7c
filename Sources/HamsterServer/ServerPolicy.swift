internal import HamsterEnrollment
internal import HamsterFiles
internal import HamsterProtocol
internal import HamsterRouting
internal import HamsterStore
internal import HamsterTLS
internal import Synchronization

/// What a reload can change while connections go on: who is let in, and where streams go.
struct ServerPolicy: Sendable {
    var router: Router
    var hostBinding: HostBinding
    /// Nil: plain text.
    var tls: TLSContext?
    /// On listeners that are for enrolment alone.
    var enrollmentTLS: TLSContext?
    /// Nil: nobody is given a certificate.
    var registrar: Registrar?
    /// Whether hosts without a certificate may ask for one where others send.
    var isEnrollmentEverywhere: Bool
    var limits: ServerConfiguration.Limits

    /// Reads the certificates. Throws `TLSError` and `FileError`.
    init(_ configuration: ServerConfiguration, fileSystem: LinuxFileSystem = LinuxFileSystem()) throws {
        router = Router(rules: configuration.outputs, hasFallback: configuration.hasFallback)
        hostBinding = configuration.hostBinding
        limits = configuration.limits
        isEnrollmentEverywhere = configuration.isEnrollmentEverywhere
        let authority = try Self.authority(configuration)
        (tls, enrollmentTLS) = try Self.contexts(configuration, authority)
        if let authority, var enrollment = configuration.enrollment {
            enrollment.revocationList = configuration.tls?.crl
            registrar = try Registrar(
                enrollment, authority: authority, stateDirectory: configuration.store.stateDirectory,
                fileSystem: fileSystem, now: { FileTime.now.seconds })
        }
    }

    /// Opens the certificates that a server would use. Throws `TLSError`.
    static func check(_ configuration: ServerConfiguration) throws(TLSError) {
        _ = try contexts(configuration, try authority(configuration))
    }

    private static func authority(_ configuration: ServerConfiguration) throws(TLSError) -> IssuingAuthority? {
        guard let enrollment = configuration.enrollment, let tls = configuration.tls else { return nil }
        let authority = try IssuingAuthority(certificate: enrollment.authority, key: enrollment.key)
        try authority.requireTrust(of: tls)
        return authority
    }

    private static func contexts(
        _ configuration: ServerConfiguration, _ authority: IssuingAuthority?
    ) throws(TLSError) -> (streams: TLSContext?, enrollment: TLSContext?) {
        guard var tls = configuration.tls else { return (nil, nil) }
        let protocols = [ProtocolLimits.applicationProtocol]
        guard let authority else { return (try TLSContext(server: tls, applicationProtocols: protocols), nil) }
        func enrollment(_ isOpen: Bool) -> TLSEnrollment {
            TLSEnrollment(
                applicationProtocol: ProtocolLimits.enrollmentProtocol, authority: authority,
                needsNoCertificate: isOpen)
        }
        let isEverywhere = configuration.isEnrollmentEverywhere
        let streams = try TLSContext(
            server: tls, applicationProtocols: protocols + [ProtocolLimits.enrollmentProtocol],
            enrollment: enrollment(isEverywhere))
        guard !isEverywhere else { return (streams, nil) }
        tls.clientAuthentication = .optional
        let alone = try TLSContext(
            server: tls, applicationProtocols: [ProtocolLimits.enrollmentProtocol], enrollment: enrollment(true))
        return (streams, alone)
    }
}

extension ServerConfiguration {
    /// Whether hosts without a certificate may ask for one on every listener: where none is for that alone.
    fileprivate var isEnrollmentEverywhere: Bool { enrollment.map { !$0.hasOwnListener } ?? false }
}

/// The policy that is in force. Any thread may ask.
final class LivePolicy: Sendable {
    private let policy: Mutex<ServerPolicy>

    init(_ policy: ServerPolicy) { self.policy = Mutex(policy) }

    var current: ServerPolicy { policy.withLock { $0 } }

    func replace(with policy: ServerPolicy) { self.policy.withLock { $0 = policy } }
}
