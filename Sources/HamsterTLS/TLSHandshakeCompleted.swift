/// The user inbound event that `TLSHandler` fires once, when the peer is verified and bytes can flow.
package struct TLSHandshakeCompleted: Sendable, Hashable {
    /// Who the peer is; nil when it sent no certificate.
    package let peer: PeerIdentity?
    /// `TLSv1.3` or `TLSv1.2`.
    package let version: String
    /// The cipher suite's name, such as `TLS_AES_128_GCM_SHA256`.
    package let cipher: String
    /// The protocol that was agreed on by ALPN; nil when the peer doesn't use ALPN.
    package let applicationProtocol: String?
    /// Whether the handshake went on with an earlier session, whose verification still counts.
    package let isResumed: Bool
    /// What only this connection has (`tls-exporter`, RFC 9266), where a host enrols; else empty.
    package let channelBinding: [UInt8]

    package init(
        peer: PeerIdentity?, version: String, cipher: String, applicationProtocol: String?, isResumed: Bool,
        channelBinding: [UInt8] = []
    ) {
        self.peer = peer
        self.version = version
        self.cipher = cipher
        self.applicationProtocol = applicationProtocol
        self.isResumed = isResumed
        self.channelBinding = channelBinding
    }
}
