private import COpenSSL

/// The distinguished name of a subject or issuer, as text.
enum X509Name {
    /// In RFC 2253 form: at most 200 characters of ASCII, with all else escaped.
    static func text(of name: OpaquePointer?) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "?" }
        defer { BIO_free(bio) }
        guard COpenSSL_X509_NAME_print_rfc2253(bio, name) >= 0 else { return "?" }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = COpenSSL_BIO_get_mem_data(bio, &bytes)
        let text = UnsafeRawBufferPointer(start: bytes, count: max(0, count))
        return text.isEmpty ? "(no name)" : String(decoding: text, as: UTF8.self).printable(limit: 200)
    }
}
