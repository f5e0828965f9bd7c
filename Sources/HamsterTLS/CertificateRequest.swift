private import COpenSSL

/// A request for a certificate (PKCS #10, RFC 2986), signed with the key that it is for.
package final class CertificateRequest {
    let pointer: OpaquePointer  // X509_REQ *

    private init(owned pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_REQ_free(pointer) }

    /// One for `host`, in DER form. Throws `TLSError`.
    package static func make(for host: String, key: PrivateKey) throws(TLSError) -> [UInt8] {
        OpenSSLErrorQueue.clear()
        guard let pointer = X509_REQ_new() else { throw failure("no memory") }
        let request = CertificateRequest(owned: pointer)
        let names = CertificateName.make(host: host)
        defer { X509_NAME_free(names) }
        let isMade =
            X509_REQ_set_version(pointer, 0) == 1 && X509_REQ_set_subject_name(pointer, names) == 1
            && X509_REQ_set_pubkey(pointer, key.pointer) == 1
            && X509_REQ_sign(pointer, key.pointer, KeyKind.signatureDigest(of: key.pointer)) > 0
        guard isMade else { throw failure(OpenSSLErrorQueue.drainText()) }
        return request.encoded
    }

    /// Reads what a stranger has sent: exactly one request, signed with its own key, for a key that is strong enough, and for
    /// no CA. Throws a `TLSError` whose text is for the stranger.
    package init(_ bytes: [UInt8]) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        let read = bytes.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var next = buffer.baseAddress
            guard let request = d2i_X509_REQ(nil, &next, buffer.count) else { return nil }
            guard next == buffer.baseAddress?.advanced(by: buffer.count) else {
                X509_REQ_free(request)
                return nil
            }
            return request
        }
        guard let read else { throw Self.failure("it is not a certificate request in DER form") }
        pointer = read
        guard let key = X509_REQ_get0_pubkey(read) else { throw Self.failure("its key can't be read") }
        if let objection = KeyKind.objection(to: key) { throw Self.failure(objection) }
        guard X509_REQ_verify(read, key) == 1 else { throw Self.failure("it is not signed with its own key") }
        if asksForCA { throw Self.failure("it asks for the certificate of a CA") }
    }

    /// In DER form.
    private var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, Int(i2d_X509_REQ(pointer, nil))))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var next = buffer.baseAddress
            i2d_X509_REQ(pointer, &next)
        }
        return bytes
    }

    /// SHA-256 of the public key in DER form, in hexadecimal: equal for two requests of one key.
    package var keyDigest: String {
        guard let key = X509_REQ_get_X509_PUBKEY(pointer) else { return "" }
        var bytes = [UInt8](repeating: 0, count: max(0, Int(i2d_X509_PUBKEY(key, nil))))
        bytes.withUnsafeMutableBufferPointer { buffer in
            var next = buffer.baseAddress
            i2d_X509_PUBKEY(key, &next)
        }
        return Hexadecimal.text(of: Digest.sha256(bytes))
    }

    /// Why it is not for `host` alone; nil: it is. What it doesn't name, it doesn't ask for.
    package func objection(toHost host: String) -> String? {
        guard commonNames.allSatisfy({ $0 == Array(host.utf8) }) else {
            return "its subject names another host than '\(host)'"
        }
        guard let extensions = X509_REQ_get_extensions(pointer) else { return nil }
        defer { COpenSSL_X509_EXTENSIONS_free(extensions) }
        guard let names = X509V3_get_d2i(extensions, NID_subject_alt_name, nil, nil) else { return nil }
        let stack = OpaquePointer(names)
        let count = COpenSSL_sk_GENERAL_NAME_num(stack)
        let own = AlternativeName.dns.values(in: names)
        guard own.count == Int(count), own.allSatisfy({ $0 == Array(host.utf8) }) else {
            return "its subject alternative names are others than '\(host)'"
        }
        return nil
    }

    private var commonNames: [[UInt8]] {
        let names = X509_REQ_get_subject_name(pointer)
        var found: [[UInt8]] = []
        var index = X509_NAME_get_index_by_NID(names, NID_commonName, -1)
        while index >= 0 {
            if let text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(names, index)) {
                found.append(
                    Array(
                        UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text)))))
            }
            index = X509_NAME_get_index_by_NID(names, NID_commonName, index)
        }
        return found
    }

    private var asksForCA: Bool {
        guard let extensions = X509_REQ_get_extensions(pointer) else { return false }
        defer { COpenSSL_X509_EXTENSIONS_free(extensions) }
        guard let constraints = X509V3_get_d2i(extensions, NID_basic_constraints, nil, nil) else { return false }
        let basic = constraints.assumingMemoryBound(to: BASIC_CONSTRAINTS.self)
        defer { BASIC_CONSTRAINTS_free(basic) }
        return basic.pointee.ca != 0
    }

    private static func failure(_ text: String) -> TLSError { TLSError(.settingsRefused, "certificate request", text) }
}

/// What keys certificates are made for.
enum KeyKind {
    private static let rsaBits: ClosedRange<Int32> = 2_048...8_192

    /// Why no certificate is made for this public key; nil: one is.
    static func objection(to key: OpaquePointer) -> String? {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_ED25519: return nil
        case EVP_PKEY_RSA:
            let bits = EVP_PKEY_get_bits(key)
            return rsaBits.contains(bits)
                ? nil : "an RSA key has \(rsaBits.lowerBound) to \(rsaBits.upperBound) bits, this one \(bits)"
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            var count = 0
            guard EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else { return "its curve has no name" }
            let curve = String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return ["prime256v1", "secp384r1", "secp521r1"].contains(curve)
                ? nil : "the curve '\(curve)' is not taken: use P-256"
        default: return "keys are of P-256, P-384, P-521, Ed25519 or RSA"
        }
    }

    /// What is signed with `key` (an `EVP_PKEY *`): nil where the kind of key has a digest of its own, as Ed25519.
    static func signatureDigest(of key: OpaquePointer) -> OpaquePointer? {
        var number: Int32 = 0
        EVP_PKEY_get_default_digest_nid(key, &number)
        return number == NID_undef ? nil : EVP_sha256()
    }
}

/// The names that certificates and requests get.
enum CertificateName {
    /// A common name has at most so many characters (RFC 5280, appendix A.1); a longer host stands in the alternative names alone.
    private static let commonNameMax = 64

    /// A new `X509_NAME *`, or nil where memory is short.
    static func make(host: String) -> OpaquePointer? {
        guard let name = X509_NAME_new() else { return nil }
        let (field, value) = host.utf8.count <= commonNameMax ? ("CN", host) : ("O", "Log Hamster")
        let text = Array(value.utf8)
        guard X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1 else {
            X509_NAME_free(name)
            return nil
        }
        return name
    }

    /// In the words of x509v3_config(5). `host` is one of a stream: without a character that means anything there.
    static func alternativeName(host: String) -> String {
        "\(TLSContext.isAddress(host) ? "IP" : "DNS"):\(host)"
    }
}
