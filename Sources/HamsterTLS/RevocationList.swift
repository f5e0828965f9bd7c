private import COpenSSL

/// A CA's list of certificates that are no longer valid (CRL).
final class RevocationList {
    /// For calls that take a reference of their own or none.
    let pointer: OpaquePointer  // X509_CRL *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    /// Takes a reference of its own.
    convenience init(shared pointer: OpaquePointer) {
        X509_CRL_up_ref(pointer)
        self.init(owned: pointer)
    }

    deinit { X509_CRL_free(pointer) }

    /// In RFC 2253 form.
    var issuer: String { X509Name.text(of: X509_CRL_get_issuer(pointer)) }

    /// When the CA issued it.
    var lastUpdate: CertificateTime { CertificateTime(X509_CRL_get0_lastUpdate(pointer)) }

    /// When the CA will have issued the next one; nil when it doesn't say.
    var nextUpdate: CertificateTime? { X509_CRL_get0_nextUpdate(pointer).map { CertificateTime($0) } }

    /// As ``nextUpdate``, or the end of all days.
    var end: CertificateTime { nextUpdate ?? CertificateTime(unixSeconds: .max) }

    func isExpired(at now: CertificateTime) -> Bool { end < now }

    /// When `certificate` was revoked; nil when it isn't on the list.
    func revocationTime(of certificate: Certificate) -> CertificateTime? {
        var entry: OpaquePointer?
        guard X509_CRL_get0_by_cert(pointer, &entry, certificate.pointer) == 1 else { return nil }
        return CertificateTime(X509_REVOKED_get0_revocationDate(entry))
    }
}
