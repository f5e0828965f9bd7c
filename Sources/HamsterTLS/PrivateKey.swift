private import COpenSSL

/// A private key.
package final class PrivateKey {
    /// For calls that take a reference of their own or none.
    let pointer: OpaquePointer  // EVP_PKEY *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// A new key on the curve P-256. Throws `TLSError` where OpenSSL can't make one.
    package static func make() throws(TLSError) -> PrivateKey {
        OpenSSLErrorQueue.clear()
        guard let pointer = COpenSSL_make_P256_key() else {
            throw TLSError(.settingsRefused, "new key", OpenSSLErrorQueue.drainText())
        }
        return PrivateKey(owned: pointer)
    }

    /// Reads the file, which nobody else may read. Throws `TLSError`.
    package convenience init(path: String) throws(TLSError) {
        let key = try OwnCredentials.key(path)
        EVP_PKEY_up_ref(key.pointer)
        self.init(owned: key.pointer)
    }

    /// In PEM form (PKCS #8), not encrypted: for a file that nobody else may read. Throws `TLSError`.
    package func text() throws(TLSError) -> [UInt8] {
        OpenSSLErrorQueue.clear()
        // Wiped when it is freed.
        guard let bio = BIO_new(BIO_s_secmem()) else {
            throw TLSError(.settingsRefused, "key", OpenSSLErrorQueue.drainText())
        }
        defer { BIO_free(bio) }
        guard PEM_write_bio_PKCS8PrivateKey(bio, pointer, nil, nil, 0, nil, nil) == 1 else {
            throw TLSError(.settingsRefused, "key", OpenSSLErrorQueue.drainText())
        }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = COpenSSL_BIO_get_mem_data(bio, &bytes)
        return Array(UnsafeRawBufferPointer(start: bytes, count: max(0, count)))
    }

    /// Whether the certificate's public key is this key's other half.
    func fits(_ certificate: Certificate) -> Bool {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        return X509_check_private_key(certificate.pointer, pointer) == 1
    }
}
