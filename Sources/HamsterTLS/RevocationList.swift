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

    /// Grows with each list of a CA (RFC 5280 section 5.2.3); -1 where it has none.
    var number: Int64 {
        guard let number = X509_CRL_get_ext_d2i(pointer, NID_crl_number, nil, nil) else { return -1 }
        let integer = number.assumingMemoryBound(to: ASN1_INTEGER.self)
        defer { ASN1_INTEGER_free(integer) }
        var value: Int64 = -1
        return ASN1_INTEGER_get_int64(&value, integer) == 1 ? value : -1
    }

    /// Whether it was issued before another one of its scope.
    func isOlder(than other: RevocationList) -> Bool { (lastUpdate, number) < (other.lastUpdate, other.number) }

    /// Whether it only says what has changed since another one (RFC 5280 section 5.2.4).
    var isDelta: Bool { content(of: NID_delta_crl) != nil }

    /// Equal for lists of which the younger one replaces the older: of one CA, one key of it, and one part of its certificates
    /// (RFC 5280 sections 5.2.1 and 5.2.5).
    var scope: [[UInt8]] {
        [
            Array(issuer.utf8), content(of: NID_authority_key_identifier) ?? [],
            content(of: NID_issuing_distribution_point) ?? [],
        ]
    }

    private func content(of identifier: Int32) -> [UInt8]? {
        let index = X509_CRL_get_ext_by_NID(pointer, identifier, -1)
        guard index >= 0, let content = X509_EXTENSION_get_data(X509_CRL_get_ext(pointer, index)) else { return nil }
        return Array(
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(content), count: Int(ASN1_STRING_length(content))))
    }

    /// When `certificate` was revoked; nil when it isn't on the list.
    func revocationTime(of certificate: Certificate) -> CertificateTime? {
        var entry: OpaquePointer?
        guard X509_CRL_get0_by_cert(pointer, &entry, certificate.pointer) == 1 else { return nil }
        return CertificateTime(X509_REVOKED_get0_revocationDate(entry))
    }
}
