/// How a server lets hosts in that have no certificate yet, to ask for one. Nothing else may be done on such a connection.
package struct TLSEnrollment: Sendable {
    /// The ALPN name by which they say what they have come for.
    package let applicationProtocol: String
    /// Whose root they trust.
    package let authority: IssuingAuthority
    /// Whether a host without a certificate is let in; else it can have its certificate renewed.
    package let needsNoCertificate: Bool

    package init(applicationProtocol: String, authority: IssuingAuthority, needsNoCertificate: Bool) {
        self.applicationProtocol = applicationProtocol
        self.authority = authority
        self.needsNoCertificate = needsNoCertificate
    }
}
