/// How long a certificate or revocation list that a ``TLSContext`` has read is good for.
package struct CredentialValidity: Sendable, Hashable {
    /// What it is for.
    package enum Role: Sendable, Hashable, CaseIterable {
        /// Our own certificate, or a CA's that we send with it.
        case own
        /// A CA that peers' certificates have to come from.
        case authority
        /// A CA's list of certificates that don't count any more.
        case revocationList
    }

    package let role: Role
    /// The file or directory that the configuration names.
    package let path: String
    /// The certificate's subject or the list's issuer, in RFC 2253 form.
    package let name: String
    /// In seconds since 1970.
    package let notBefore: Int64
    /// In seconds since 1970; `Int64.max` for a list without an end.
    package let notAfter: Int64

    package init(role: Role, path: String, name: String, notBefore: Int64, notAfter: Int64) {
        self.role = role
        self.path = path
        self.name = name
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    init(_ certificate: Certificate, _ role: Role, path: String) {
        self.init(
            role: role, path: path, name: certificate.subject, notBefore: certificate.notBefore.unixSeconds,
            notAfter: certificate.notAfter.unixSeconds)
    }

    /// `notAfter` for people.
    package var endDescription: String { "\(CertificateTime(unixSeconds: notAfter))" }

    init(_ list: RevocationList, path: String) {
        self.init(
            role: .revocationList, path: path, name: list.issuer, notBefore: list.lastUpdate.unixSeconds,
            notAfter: list.end.unixSeconds)
    }
}
