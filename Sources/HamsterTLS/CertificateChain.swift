/// Certificates in PEM form that somebody has sent, to be judged before they are put to use.
package struct CertificateChain {
    private let certificates: [Certificate]
    private let name: String

    /// `name` is what error texts call it. Throws `TLSError`.
    package init(_ text: [UInt8], name: String) throws(TLSError) {
        certificates = try PEMFile(text, name: name).certificates()
        self.name = name
    }

    /// Reads a file. Throws `TLSError`.
    package init(path: String) throws(TLSError) {
        certificates = try PEMFile(path: path, role: .certificate).certificates()
        name = path
    }

    /// In seconds since 1970; of the first one.
    package var notBefore: Int64 { certificates.first?.notBefore.unixSeconds ?? 0 }
    /// In seconds since 1970; of the first one.
    package var notAfter: Int64 { certificates.first?.notAfter.unixSeconds ?? 0 }
    /// Of the first one.
    package var serial: String { certificates.first?.serial ?? "?" }

    /// The names that the first one is for, in lower case.
    package var names: [String] {
        guard let identity = certificates.first.flatMap({ PeerIdentity($0) }) else { return [] }
        return identity.dnsNames + identity.ipAddresses
    }

    /// Whether the first one is for this key.
    package func fits(_ key: PrivateKey) -> Bool { certificates.first.map(key.fits) ?? false }

    /// Whether one of them is the certificate with this SHA-256.
    package func contains(_ digest: [UInt8]) -> Bool { certificates.contains { Digest.isEqual($0.digest, digest) } }

    /// In PEM form, and nothing else that stood between them.
    package var text: [UInt8] { certificates.flatMap(\.text) }

    /// The one certificate with this SHA-256, in PEM form; nil: there is none.
    package func text(of digest: [UInt8]) -> [UInt8]? {
        certificates.first { Digest.isEqual($0.digest, digest) }?.text
    }

    /// Throws unless it leads to one of the CAs in the file at `path`; nil: to one that the system trusts. Whatever time it is
    /// here: the server's clock counts. `TLSError`.
    package func requireTrust(by path: String?) throws(TLSError) {
        let roots = try path.map { path throws(TLSError) in try TLSContext.authorities(path) }
        guard
            let reason = TrustCheck(purpose: .client, roots: roots, ignoresTime: true).objection(to: certificates)
        else { return }
        throw TLSError(
            .settingsRefused, name,
            "the certificate is of none of the CAs in \(path ?? "the system's store"): \(reason)")
    }

    /// Throws unless this is a certificate for one key and one host. `TLSError`.
    package func require(_ key: PrivateKey, host: String) throws(TLSError) {
        guard fits(key) else {
            throw TLSError(.keyMismatch, name, "the certificate is for another key than the one asked for")
        }
        guard names == [host.lowercased()] else {
            throw TLSError(.wrongPurpose, name, "the certificate is for \(names), expected '\(host)'")
        }
    }
}
