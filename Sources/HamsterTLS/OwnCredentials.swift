private import COpenSSL

/// Our own certificate with those of the intermediate CAs, and its key: read, valid at a moment, and made for what we use them
/// for.
struct OwnCredentials {
    /// The certificate, then the intermediate CAs' ones; never empty.
    let chain: [Certificate]
    let key: PrivateKey

    /// Throws what is wrong with which file.
    init(
        certificate path: String, key keyPath: String, for role: TLSContext.Role, at now: CertificateTime = .now
    ) throws(TLSError) {
        chain = try Self.chain(path, for: role, at: now)
        key = try Self.key(keyPath)
        try Self.check(key, keyPath, fits: chain, path)
    }

    static func chain(
        _ path: String, for role: TLSContext.Role, at now: CertificateTime = .now
    ) throws(TLSError) -> [Certificate] {
        let chain = try PEMFile(path: path, role: .certificate).certificates()
        guard let own = chain.first else { return [] }
        try checkValidity(of: own, path, at: now)
        try checkPurpose(of: own, path, role)
        return chain
    }

    static func key(_ path: String) throws(TLSError) -> PrivateKey {
        try PEMFile(path: path, role: .key).privateKey()
    }

    static func check(
        _ key: PrivateKey, _ keyPath: String, fits chain: [Certificate], _ path: String
    ) throws(TLSError) {
        guard let own = chain.first, !key.fits(own) else { return }
        throw TLSError(.keyMismatch, keyPath, "isn't the key of the certificate of '\(own.subject)' in \(path)")
    }

    private static func checkValidity(
        of certificate: Certificate, _ path: String, at now: CertificateTime
    ) throws(TLSError) {
        guard now <= certificate.notAfter else {
            throw TLSError(
                .certificateExpired, path,
                "certificate of '\(certificate.subject)' expired at \(certificate.notAfter); renew it")
        }
        guard now >= certificate.notBefore else {
            throw TLSError(
                .certificateNotYetValid, path,
                "certificate of '\(certificate.subject)' is not valid before \(certificate.notBefore), "
                    + "and it is \(now); check the clock")
        }
    }

    /// No peer would accept another one, and its refusal comes with the first connection only.
    private static func checkPurpose(
        of certificate: Certificate, _ path: String, _ role: TLSContext.Role
    ) throws(TLSError) {
        guard !certificate.isFor(role) else { return }
        let limit = certificate.extendedKeyUsage.map { "its extended key usage is \($0.joined(separator: ", "))" }
        let (user, usage) = role == .server ? ("server", "serverAuth") : ("client", "clientAuth")
        throw TLSError(
            .wrongPurpose, path,
            "certificate of '\(certificate.subject)' may not be used as a TLS \(user) "
                + "(\(limit ?? "its key usage forbids it")); issue one with \(usage)")
    }
}

extension Certificate {
    /// Whether peers accept it from that end of a connection, as far as its extensions tell.
    fileprivate func isFor(_ role: TLSContext.Role) -> Bool {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        return X509_check_purpose(pointer, role == .server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT, 0) == 1
    }
}
