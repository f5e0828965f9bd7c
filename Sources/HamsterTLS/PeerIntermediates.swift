private import COpenSSL
internal import Synchronization

/// CAs' certificates that peers have sent with their own ones and that were verified with them. A resumed session brings only
/// the peer's own, and a newer context can't judge that alone.
final class PeerIntermediates: Sendable {
    /// A CA that signs CAs without end could fill the memory.
    private static let countMax = 256

    private let known = Mutex<[String: Certificate]>([:])

    var all: [Certificate] { known.withLock { Array($0.values) } }

    /// Keeps those of a chain that was verified just now.
    func note(_ store: OpaquePointer) {  // X509_STORE_CTX *
        let count = X509_STORE_CTX_get_num_untrusted(store)
        guard count > 1, let chain = X509_STORE_CTX_get0_chain(store) else { return }
        for index in 1..<count {
            guard let pointer = COpenSSL_sk_X509_value(chain, index) else { continue }
            let certificate = Certificate(shared: pointer)
            let fingerprint = certificate.fingerprint
            known.withLock { known in
                if known.count < Self.countMax { known[fingerprint] = certificate }
            }
        }
    }
}
