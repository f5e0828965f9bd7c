private import COpenSSL
private import Glibc

/// An X.509 certificate.
///
/// @unchecked because a certificate is never changed after it was read, OpenSSL counts references atomically, and what it
/// derives from the extensions at the first question it keeps in the certificate under a lock of the certificate's own.
final class Certificate: @unchecked Sendable {
    /// For calls that take a reference of their own or none.
    let pointer: OpaquePointer  // X509 *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    /// Takes a reference of its own.
    convenience init(shared pointer: OpaquePointer) {
        X509_up_ref(pointer)
        self.init(owned: pointer)
    }

    deinit { X509_free(pointer) }

    /// In RFC 2253 form: ASCII, with all else escaped.
    var subject: String { X509Name.text(of: X509_get_subject_name(pointer)) }
    /// In RFC 2253 form: ASCII, with all else escaped.
    var issuer: String { X509Name.text(of: X509_get_issuer_name(pointer)) }
    var notBefore: CertificateTime { CertificateTime(X509_get0_notBefore(pointer)) }
    var notAfter: CertificateTime { CertificateTime(X509_get0_notAfter(pointer)) }
    var isCA: Bool { X509_check_ca(pointer) != 0 }
    var isSelfIssued: Bool { X509_NAME_cmp(X509_get_subject_name(pointer), X509_get_issuer_name(pointer)) == 0 }

    /// In hexadecimal, as the CA's records have it.
    var serial: String {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return "?" }
        defer { BN_free(number) }
        guard let text = BN_bn2hex(number) else { return "?" }
        defer { COpenSSL_OPENSSL_free(text) }
        return String(cString: text)
    }

    /// SHA-256 of the DER form, in lower-case hexadecimal.
    var fingerprint: String { Hexadecimal.text(of: digest) }

    /// SHA-256 of the DER form; empty where it can't be made.
    var digest: [UInt8] {
        var digest = [UInt8](repeating: 0, count: Digest.byteCount)
        var count: UInt32 = 0
        return X509_digest(pointer, EVP_sha256(), &digest, &count) == 1 ? digest : []
    }

    /// The purposes of the extended key usage, such as `serverAuth`; nil when the certificate doesn't limit them.
    var extendedKeyUsage: [String]? {
        guard let usages = X509_get_ext_d2i(pointer, NID_ext_key_usage, nil, nil) else { return nil }
        let stack = OpaquePointer(usages)
        defer { EXTENDED_KEY_USAGE_free(stack) }
        return (0..<OPENSSL_sk_num(stack)).compactMap { index in
            let object = OpaquePointer(OPENSSL_sk_value(stack, index))
            return OBJ_nid2sn(OBJ_obj2nid(object)).map { String(cString: $0) }
        }
    }

    /// The bytes of the subject alternative names of one kind.
    func alternativeNames(_ kind: AlternativeName) -> [[UInt8]] {
        X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil).map(kind.values) ?? []
    }

    /// In PEM form.
    var text: [UInt8] {
        guard let bio = BIO_new(BIO_s_mem()) else { return [] }
        defer { BIO_free(bio) }
        guard PEM_write_bio_X509(bio, pointer) == 1 else { return [] }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = COpenSSL_BIO_get_mem_data(bio, &bytes)
        return Array(UnsafeRawBufferPointer(start: bytes, count: max(0, count)))
    }
}
