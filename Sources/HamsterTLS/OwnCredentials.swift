/// Our own certificate with those of the intermediate CAs, and its key: read, and valid at a moment.
struct OwnCredentials {
    /// The certificate, then the intermediate CAs' ones; never empty.
    let chain: [Certificate]
    let key: PrivateKey

    /// Throws what is wrong with which file.
    init(certificate path: String, key keyPath: String, at now: CertificateTime = .now) throws(TLSError) {
        chain = try Self.chain(path, at: now)
        key = try Self.key(keyPath)
        try Self.check(key, keyPath, fits: chain, path)
    }

    static func chain(_ path: String, at now: CertificateTime = .now) throws(TLSError) -> [Certificate] {
        let chain = try PEMFile(path: path, role: .certificate).certificates()
        guard let own = chain.first else { return [] }
        try checkValidity(of: own, path, at: now)
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
}
