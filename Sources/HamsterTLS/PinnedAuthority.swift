private import COpenSSL

/// Trust in one CA of which nothing is known but the fingerprint: the server has to show it, and to be certified by it.
enum PinnedAuthority {
    /// Makes the connections of a client's context verify servers so, by ``TLSContext/pinnedAuthority``.
    static func trust(on context: OpaquePointer) {
        CertificateVerification.require(SSL_VERIFY_PEER, on: context)
        SSL_CTX_set_cert_verify_callback(
            context, { store, _ in store.map { PinnedAuthority.verify($0) ? 1 : 0 } ?? 0 }, nil)
    }

    private static func verify(_ store: OpaquePointer) -> Bool {
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()).map { OpaquePointer($0) }
        guard let session = TLSSession.of(ssl), let pinned = session.context.pinnedAuthority, !pinned.isEmpty else {
            return false
        }
        let shown = X509_STORE_CTX_get0_untrusted(store)
        let certificates = (0..<COpenSSL_sk_X509_num(shown)).compactMap { index in
            COpenSSL_sk_X509_value(shown, index).map { Certificate(shared: $0) }
        }
        guard let root = certificates.first(where: { Digest.isEqual($0.digest, pinned) }) else {
            X509_STORE_CTX_set_error(store, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
            session.refusal =
                "it doesn't show the CA whose fingerprint is in the token: this is another server, or somebody stands "
                + "between; ask for the token's server"
            return false
        }
        let trusted = COpenSSL_sk_X509_new()
        COpenSSL_sk_X509_push(trusted, root.pointer)
        defer { COpenSSL_sk_X509_free(trusted) }
        X509_STORE_CTX_set0_trusted_stack(store, trusted)
        return X509_verify_cert(store) == 1
    }
}
