extension TLSError {
    /// The fatal alert with which the peer ended the connection, in words (RFC 8446 section 6.2).
    static func refused(by peerName: String, isServer peerIsServer: Bool, alert: UInt8) -> TLSError {
        let peer = peerIsServer ? "the server" : "the client"
        let text =
            if let complaint = certificateComplaints[alert] {
                "\(peer) refused our certificate: \(complaint)"
            } else {
                "\(peer) ended the connection: \(otherComplaints[alert] ?? "unknown reason")"
            }
        return TLSError(.refusedByPeer, peerName, "\(text) (TLS alert \(alert))", alert: alert)
    }

    private static let certificateComplaints: [UInt8: String] = [
        42: "bad certificate",
        43: "unsupported certificate, perhaps not meant for this use",
        44: "certificate revoked",
        45: "certificate expired",
        46: "certificate not acceptable",
        48: "certificate of an unknown CA",
        116: "it requires one, and we sent none; set cert and key",
    ]

    private static let otherComplaints: [UInt8: String] = [
        10: "unexpected message",
        20: "record failed authentication",
        22: "record too long",
        40: "no settings in common, or it requires a certificate that we didn't send",
        47: "illegal parameter",
        49: "access denied",
        50: "message could not be decoded",
        51: "signature or decryption failed",
        70: "no TLS version in common; compare min_version on both sides",
        71: "it asks for stronger settings",
        80: "internal error",
        86: "inappropriate fallback",
        90: "cancelled",
        109: "missing extension",
        110: "unsupported extension",
        112: "it doesn't know the server name we asked for",
        115: "unknown resumption ticket",
        120: "it doesn't speak our application protocol",
    ]
}
