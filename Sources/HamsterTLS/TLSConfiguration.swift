/// The oldest version of TLS that is spoken. There is nothing below 1.2.
package enum TLSVersion: Sendable, Hashable {
    /// TLS 1.2 and 1.3; 1.2 with ephemeral keys (ECDHE) and authenticated encryption (AEAD) only.
    case v12
    /// TLS 1.3 only.
    case v13
}

/// What a server needs for TLS. The files are read once, by `TLSContext.init`.
package struct TLSServerConfiguration: Sendable, Hashable {
    /// What is asked of clients.
    package enum ClientAuthentication: Sendable, Hashable {
        /// No certificate is asked for.
        case none
        /// A client may do without a certificate; one that is sent must pass.
        case optional
        /// A client without a certificate that passes is refused.
        case require
    }

    /// Path of a PEM file: the server's certificate, then the intermediate CAs' ones.
    package var certificate: String
    /// Path of a PEM file: the certificate's private key, which only its owner may read.
    package var key: String
    /// Path of a PEM file: the CAs that issue clients' certificates. Nil: no client certificate can be verified.
    package var clientCA: String?
    package var clientAuthentication: ClientAuthentication
    /// Path of a PEM file: revocation lists of every CA in a client's chain. Nil: none is checked.
    package var crl: String?
    package var minimumVersion: TLSVersion

    package init(
        certificate: String, key: String, clientCA: String? = nil,
        clientAuthentication: ClientAuthentication = .none, crl: String? = nil, minimumVersion: TLSVersion = .v13
    ) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
        self.clientAuthentication = clientAuthentication
        self.crl = crl
        self.minimumVersion = minimumVersion
    }
}

/// What a client needs for TLS. The files are read once, by `TLSContext.init`.
package struct TLSClientConfiguration: Sendable, Hashable {
    /// Path of a PEM file: the CAs that may have issued the server's certificate. Nil: the system's trust store.
    package var ca: String?
    /// Path of a PEM file: the client's own certificate, then the intermediate CAs' ones. Goes together with `key`.
    package var certificate: String?
    /// Path of a PEM file: the certificate's private key, which only its owner may read.
    package var key: String?
    /// The DNS name or IP address that the server's certificate must have among its subject alternative names. A DNS
    /// name is also sent to the server (SNI).
    package var serverName: String
    package var minimumVersion: TLSVersion
    /// SHA-256 of the certificate of the one CA that may stand above the server's, and that the server has to show; nothing
    /// else is trusted then. For a host that has no certificates yet.
    package var pinnedAuthority: [UInt8]?

    package init(
        ca: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String,
        minimumVersion: TLSVersion = .v13
    ) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
        self.minimumVersion = minimumVersion
    }
}
