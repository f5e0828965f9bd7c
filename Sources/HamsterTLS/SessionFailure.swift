private import COpenSSL

/// Finds the cause of a session's failure in what OpenSSL reports.
struct SessionFailure {
    private let entries: [OpenSSLErrorQueue.Entry]

    init(_ entries: [OpenSSLErrorQueue.Entry]) { self.entries = entries }

    /// `code` is for failures that have no better one.
    func error(_ code: TLSError.Code, of session: TLSSession) -> TLSError {
        let context = session.context
        if let refusal = session.refusal, has(SSL_R_CERTIFICATE_VERIFY_FAILED) {
            return TLSError(.verification, session.peerName, refusal)
        }
        if has(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
            return TLSError(
                .verification, session.peerName, "the client sent no certificate, and client_auth is 'require'")
        }
        if let alert {
            return .refused(by: session.peerName, isServer: context.role == .client, alert: alert)
        }
        let text = entries.lazy.filter(\.isFromTLS).compactMap { Self.texts[$0.reason] }.first
        return TLSError(code, session.peerName, text ?? "TLS error: \(entries.first?.text ?? "unknown reason")")
    }

    /// The fatal alert that the peer sent.
    private var alert: UInt8? {
        entries.lazy.filter(\.isFromTLS).compactMap { UInt8(exactly: $0.reason - SSL_AD_REASON_OFFSET) }.first
    }

    private func has(_ reason: Int32) -> Bool {
        entries.contains { $0.isFromTLS && $0.reason == reason }
    }

    private static let noTLS = "the peer doesn't speak TLS; is it enabled on both sides?"
    private static let noVersion = "no TLS version in common; compare min_version on both sides"

    private static let texts: [Int32: String] = [
        SSL_R_HTTP_REQUEST: "the peer speaks HTTP, not TLS",
        SSL_R_HTTPS_PROXY_REQUEST: "the peer takes this for an HTTP proxy",
        SSL_R_WRONG_VERSION_NUMBER: noTLS,
        SSL_R_PACKET_LENGTH_TOO_LONG: noTLS,
        SSL_R_UNSUPPORTED_PROTOCOL: noVersion,
        SSL_R_VERSION_TOO_LOW: noVersion,
        SSL_R_EXCESSIVE_MESSAGE_SIZE:
            "a message is too large; a chain of certificates may have \(TLSContext.chainBytesMax) bytes",
        SSL_R_NO_SHARED_CIPHER: "no cipher suite in common",
        SSL_R_NO_APPLICATION_PROTOCOL: "the client offers none of our application protocols (ALPN)",
        SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: "a record was changed on its way",
    ]
}
