private import COpenSSL

/// How a server lets clients resume sessions: by tickets that hold all there is to know, so that nothing is kept in memory for
/// a client.
enum SessionTickets {
    /// What OpenSSL's callback has to say of a ticket's key: that of SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
    fileprivate enum KeyAnswer: Int32 {
        case failed = -1
        /// The key is unknown, or there can be none: the handshake is a full one.
        case none = 0
        case usable = 1
        /// Usable, and the client is to get a new ticket.
        case usableAndOld = 2
    }

    /// Sets up a server's context. The id context is needed with clients' certificates: without it every resumed handshake
    /// fails.
    static func use(on context: OpaquePointer) {
        COpenSSL_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        let name = Array("log hamster".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        SSL_CTX_set_num_tickets(context, 1)
        SSL_CTX_set_timeout(context, Int(TicketKeys.ticketLifetime.components.seconds))
        useKeys(on: context)
        judgeTickets(on: context)
    }

    private static func useKeys(on context: OpaquePointer) {
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { ssl, name, vector, cipher, code, isEncrypting in
            guard let keys = TLSSession.of(ssl)?.context.ticketKeys, let name, let vector, let cipher, let code else {
                return KeyAnswer.failed.rawValue
            }
            guard isEncrypting == 1 else { return keys.open(name, vector, cipher, code).rawValue }
            guard SSL_get0_peer_certificate(ssl).map(SessionTickets.mayHold) ?? true else {
                return KeyAnswer.none.rawValue
            }
            return keys.seal(name, vector, cipher, code).rawValue
        }
    }

    private static func judgeTickets(on context: OpaquePointer) {
        SSL_CTX_set_session_ticket_cb(
            context, nil,
            { ssl, session, _, _, status, _ in
                switch status {
                case SSL_TICKET_SUCCESS, SSL_TICKET_SUCCESS_RENEW:
                    guard let context = TLSSession.of(ssl)?.context, SessionTickets.mayResume(session, context) else {
                        return SSL_TICKET_RETURN_IGNORE_RENEW
                    }
                    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
                case SSL_TICKET_EMPTY, SSL_TICKET_NO_DECRYPT: return SSL_TICKET_RETURN_IGNORE_RENEW
                default: return SSL_TICKET_RETURN_ABORT
                }
            }, nil)
    }

    /// Whether a ticket may hold a certificate (an `X509 *`): it comes back in the first message of the next handshake, which is
    /// limited.
    static func mayHold(_ certificate: OpaquePointer) -> Bool {
        i2d_X509(certificate, nil) <= ClientHelloLimit.bytesMax / 2
    }

    /// A resumed session is not verified again, so it is only taken where nothing has ended since: the client's certificate,
    /// any CA that is trusted, or the lists that it was looked up in. The full handshake that follows otherwise says what is
    /// wrong.
    private static func mayResume(_ session: OpaquePointer?, _ context: TLSContext) -> Bool {
        let now = context.now
        let others = context.validities.filter { $0.role != .own }
        guard others.allSatisfy({ $0.notBefore <= now.unixSeconds && now.unixSeconds <= $0.notAfter }) else {
            return false
        }
        guard let pointer = SSL_SESSION_get0_peer(session) else { return true }
        let certificate = Certificate(shared: pointer)
        return certificate.notBefore <= now && now <= certificate.notAfter
    }
}

extension TicketKeys {
    fileprivate func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer,
        _ code: OpaquePointer
    ) -> SessionTickets.KeyAnswer {
        guard let key = sealing(at: .now), RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 else {
            return .none
        }
        key.copyName(to: name)
        return key.setUp(cipher, code, vector: vector, isEncrypting: true) ? .usable : .failed
    }

    fileprivate func open(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer,
        _ code: OpaquePointer
    ) -> SessionTickets.KeyAnswer {
        let name = UnsafeRawBufferPointer(start: name, count: TicketKey.nameBytes)
        guard let (key, isCurrent) = opening(name, at: .now) else { return .none }
        guard key.setUp(cipher, code, vector: vector, isEncrypting: false) else { return .failed }
        return isCurrent ? .usable : .usableAndOld
    }
}
