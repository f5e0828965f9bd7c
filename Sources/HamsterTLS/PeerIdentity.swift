private import Glibc

/// Who the peer is, by the certificate that was verified.
package struct PeerIdentity: Sendable, Hashable {
    /// The subject in RFC 2253 form, at most 200 characters of printable ASCII. For people: decide by `dnsNames`.
    package let subject: String
    /// The DNS names of the subject alternative names, in lower case; printable ASCII without spaces. May be wildcards.
    package let dnsNames: [String]
    /// The addresses of the subject alternative names, as text.
    package let ipAddresses: [String]
    /// SHA-256 of the certificate's DER form, in lower-case hexadecimal.
    package let fingerprint: String
    /// In upper-case hexadecimal.
    package let serial: String
    /// The end of the certificate's validity, in seconds since 1970.
    package let notAfter: Int64
    /// Whether it comes from the CA that this server itself issues certificates with.
    package private(set) var isOwnIssue = false

    package init(
        subject: String, dnsNames: [String], ipAddresses: [String], fingerprint: String, serial: String, notAfter: Int64
    ) {
        self.subject = subject
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.fingerprint = fingerprint
        self.serial = serial
        self.notAfter = notAfter
    }

    /// Nil when a DNS name holds a NUL or another byte that no name has: such a certificate was made to deceive.
    init?(_ certificate: Certificate, of authority: IssuingAuthority? = nil) {
        let names = certificate.alternativeNames(.dns)
        guard names.allSatisfy({ $0.allSatisfy { (0x21...0x7E).contains($0) } }) else { return nil }
        subject = certificate.subject
        dnsNames = names.map { String(decoding: $0, as: UTF8.self).lowercased() }
        ipAddresses = certificate.alternativeNames(.ipAddress).compactMap(Self.addressText)
        fingerprint = certificate.fingerprint
        serial = certificate.serial
        notAfter = certificate.notAfter.unixSeconds
        isOwnIssue = authority?.hasIssued(certificate) ?? false
    }

    private static func addressText(_ bytes: [UInt8]) -> String? {
        let family: Int32
        switch bytes.count {
        case 4: family = AF_INET
        case 16: family = AF_INET6
        default: return nil
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
