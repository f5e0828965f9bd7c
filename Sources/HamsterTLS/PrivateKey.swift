private import COpenSSL

/// A private key.
final class PrivateKey {
    /// For calls that take a reference of their own or none.
    let pointer: OpaquePointer  // EVP_PKEY *

    /// Takes over the caller's reference.
    init(owned pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// Whether the certificate's public key is this key's other half.
    func fits(_ certificate: Certificate) -> Bool {
        OpenSSLErrorQueue.clear()
        defer { OpenSSLErrorQueue.clear() }
        return X509_check_private_key(certificate.pointer, pointer) == 1
    }
}
