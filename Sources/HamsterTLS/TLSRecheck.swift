private import COpenSSL
private import Synchronization

/// User event for a ``TLSHandler`` on the accepting side: judge the peer once more, by a newer context. Where it would not
/// be let in any more, the handler fires a ``TLSPeerObjection``; the connection stays as it is.
///
/// One for all connections of a reload: who has many of them is verified once.
package final class TLSRecheck: Sendable {
    private let context: TLSContext
    /// Fingerprints of certificates that are fine.
    private let fine = Mutex<Set<String>>([])

    package init(by context: TLSContext) { self.context = context }

    /// Why the peer would not be let in; nil: it would be, or has shown no certificate.
    func objection(to session: TLSSession) -> String? {
        guard let (leaf, chain) = session.peerCertificates() else { return nil }
        let fingerprint = leaf.fingerprint
        if fine.withLock({ $0.contains(fingerprint) }) { return nil }
        let objection = context.objection(to: leaf, chain: chain)
        if objection == nil { fine.withLock { _ = $0.insert(fingerprint) } }
        return objection
    }
}

/// The user inbound event that a ``TLSHandler`` fires when its peer, once verified, would not be let in any more.
package struct TLSPeerObjection: Sendable, Hashable {
    /// In words for people.
    package let reason: String

    package init(reason: String) { self.reason = reason }
}
