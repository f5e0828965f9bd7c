internal import COpenSSL

/// Judges a chain of certificates as the other side will, outside a handshake: whether it leads to a CA that is trusted.
struct TrustCheck {
    /// As X509_STORE_CTX_set_default(3) calls them.
    enum Purpose: String {
        case client = "ssl_client"
        case server = "ssl_server"
    }

    var purpose: Purpose
    /// Nil: those that the system trusts.
    var roots: [Certificate]?
    /// Whether what has ended, or not begun, passes: where the clock that counts is the other side's.
    var ignoresTime = false

    /// Why a chain, the peer's certificate first, doesn't pass; nil: it does.
    func objection(to chain: [Certificate]) -> String? {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        guard let leaf = chain.first, let store = X509_STORE_new() else { return "no memory" }
        let context = X509_STORE_CTX_new()
        let untrusted = COpenSSL_sk_X509_new()
        for certificate in chain.dropFirst() { COpenSSL_sk_X509_push(untrusted, certificate.pointer) }
        defer {
            X509_STORE_CTX_free(context)
            COpenSSL_sk_X509_free(untrusted)
            X509_STORE_free(store)
        }
        guard trustRoots(store), X509_STORE_CTX_init(context, store, leaf.pointer, untrusted) == 1,
            X509_STORE_CTX_set_default(context, purpose.rawValue) == 1
        else { return OpenSSLErrorQueue.drainText() }
        if ignoresTime { X509_STORE_CTX_set_flags(context, UInt(X509_V_FLAG_NO_CHECK_TIME)) }
        guard X509_verify_cert(context) != 1 else { return nil }
        return String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context))))
    }

    private func trustRoots(_ store: OpaquePointer) -> Bool {
        guard let roots else { return X509_STORE_set_default_paths(store) == 1 }
        return roots.allSatisfy { X509_STORE_add_cert(store, $0.pointer) == 1 }
    }
}
