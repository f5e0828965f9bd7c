private import COpenSSL
private import Glibc

/// A CA that issues certificates for TLS clients, and revokes them. Read once, by `init`.
///
/// @unchecked because nothing is changed after `init`, and OpenSSL signs with one key on several threads.
package final class IssuingAuthority: @unchecked Sendable {
    /// A certificate that was just made.
    package struct Issued: Sendable {
        /// PEM: the certificate, then the CAs between it and the root.
        package let chain: [UInt8]
        /// In hexadecimal, as revocation lists and `openssl x509 -serial` have it.
        package let serial: String
        /// SHA-256 of the DER form, in lower-case hexadecimal.
        package let fingerprint: String
        /// In seconds since 1970.
        package let notAfter: Int64
    }

    /// How long before its making a certificate begins, for hosts whose clock is slow; and at most a tenth of its life.
    private static let earlinessMax: Int64 = 300
    private static let serialBits: Int32 = 159

    /// The one that signs, then those above it; the last one is the root.
    let chain: [Certificate]
    let key: PrivateKey
    private let path: String

    /// Reads the CA's certificate with those above it up to the root, and its key. Throws `TLSError`.
    package init(certificate path: String, key keyPath: String) throws(TLSError) {
        self.path = path
        chain = try TLSContext.authorities(path)
        key = try OwnCredentials.key(keyPath)
        try OwnCredentials.check(key, keyPath, fits: chain, path)
        guard let own = chain.first, own.isCA else {
            throw TLSError(.wrongPurpose, path, "the first certificate is no CA's, and can sign none")
        }
        guard let root, root.isSelfIssued else {
            throw TLSError(.fileMalformed, path, "the chain doesn't end in a root: put its certificate last")
        }
        guard CertificateTime.now <= own.notAfter else {
            throw TLSError(.certificateExpired, path, "the CA's certificate expired at \(own.notAfter)")
        }
    }

    /// That of the root in a CA's file: see ``rootDigest``. Throws `TLSError`.
    package static func rootDigest(_ path: String) throws(TLSError) -> [UInt8] {
        try TLSContext.authorities(path).last?.digest ?? []
    }

    private var root: Certificate? { chain.last }

    /// SHA-256 of the root's certificate: what a new host trusts.
    package var rootDigest: [UInt8] { root?.digest ?? [] }

    /// The root's certificate in PEM form.
    package var rootText: [UInt8] { root?.text ?? [] }

    /// Makes a client's certificate for one host, good for `life` seconds and not longer than the CA is. Nothing but the key
    /// is taken from the request. Throws `TLSError`.
    package func issue(_ request: CertificateRequest, host: String, life: Int64) throws(TLSError) -> Issued {
        OpenSSLErrorQueue.clear()
        guard let authority = chain.first, let pointer = X509_new() else { throw failure("no memory") }
        let certificate = Certificate(owned: pointer)
        let now = CertificateTime.now.unixSeconds
        let end = min(now + life, authority.notAfter.unixSeconds)
        guard end > now else { throw failure("the CA's certificate expired at \(authority.notAfter)") }
        let names = CertificateName.make(host: host)
        defer { X509_NAME_free(names) }
        let isFilled =
            X509_set_version(pointer, 2) == 1 && setSerial(pointer)
            && X509_set_issuer_name(pointer, X509_get_subject_name(authority.pointer)) == 1
            && X509_set_subject_name(pointer, names) == 1
            && ASN1_TIME_set(X509_getm_notBefore(pointer), time_t(now - min(Self.earlinessMax, life / 10))) != nil
            && ASN1_TIME_set(X509_getm_notAfter(pointer), time_t(end)) != nil
            && X509_set_pubkey(pointer, X509_REQ_get0_pubkey(request.pointer)) == 1
        guard isFilled, addExtensions(pointer, authority.pointer, host),
            X509_sign(pointer, key.pointer, KeyKind.signatureDigest(of: key.pointer)) > 0
        else { throw failure(OpenSSLErrorQueue.drainText()) }
        return Issued(
            chain: certificate.text + chain.dropLast().flatMap(\.text), serial: certificate.serial,
            fingerprint: certificate.fingerprint, notAfter: end)
    }

    /// Whether a peer's certificate is one that this CA has signed.
    func hasIssued(_ certificate: Certificate) -> Bool {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        guard let authority = chain.first else { return false }
        return X509_check_issued(authority.pointer, certificate.pointer) == X509_V_OK
            && X509_verify(certificate.pointer, X509_get0_pubkey(authority.pointer)) == 1
    }

    /// Throws unless a server with this certificate passes with a client that trusts the root alone, and certificates of this
    /// CA pass with that server. `TLSError`.
    package func requireTrust(of server: TLSServerConfiguration) throws(TLSError) {
        let own = try PEMFile(path: server.certificate, role: .certificate).certificates()
        if let reason = TrustCheck(purpose: .server, roots: root.map { [$0] } ?? []).objection(to: own) {
            throw TLSError(
                .settingsRefused, server.certificate,
                "new hosts trust the root of \(path) alone, and the server's certificate doesn't pass: \(reason)")
        }
        guard let clientCA = server.clientCA else {
            throw TLSError(
                .settingsRefused, path, "set client_ca in [tls] to the CAs of your clients, this one among them")
        }
        let trusted = Set(try TLSContext.authorities(clientCA).map(\.digest))
        guard chain.allSatisfy({ trusted.contains($0.digest) }) else {
            throw TLSError(
                .settingsRefused, clientCA,
                "doesn't hold the CA in \(path), whose certificates would be refused: add it")
        }
    }

    /// Random, so that it tells nothing and needs no file (RFC 5280, section 4.1.2.2: at most 20 bytes, positive).
    private func setSerial(_ certificate: OpaquePointer) -> Bool {
        guard let number = BN_new() else { return false }
        defer { BN_free(number) }
        return BN_rand(number, Self.serialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
            && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
    }

    private func addExtensions(_ certificate: OpaquePointer, _ authority: OpaquePointer, _ host: String) -> Bool {
        let extensions: KeyValuePairs<Int32, String> = [
            NID_basic_constraints: "critical,CA:FALSE",
            NID_key_usage: "critical,digitalSignature",
            NID_ext_key_usage: "clientAuth",
            NID_subject_key_identifier: "hash",
            NID_authority_key_identifier: "keyid:always",
            NID_subject_alt_name: CertificateName.alternativeName(host: host),
        ]
        return extensions.allSatisfy { number, value in
            guard let made = COpenSSL_make_extension(authority, certificate, nil, number, value) else { return false }
            defer { X509_EXTENSION_free(made) }
            return X509_add_ext(certificate, made, -1) == 1
        }
    }

    func failure(_ text: String) -> TLSError { TLSError(.settingsRefused, path, text) }
}
