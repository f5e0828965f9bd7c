private import COpenSSL
internal import NIOCore

/// One connection's TLS: encrypted bytes in and out through buffers, without a socket, a channel or a clock.
///
/// Not Sendable: it lives on its channel's event loop. After an error it is of no more use, except that
/// `takeOutbound` still gives the alert for the peer.
final class TLSSession {
    /// How far a handshake has come.
    enum HandshakeProgress { case incomplete, complete }

    /// What came of the bytes that were received.
    struct Decrypted {
        /// Nil when no application bytes came, else not empty.
        var plaintext: ByteBuffer?
        var ending: Ending
    }

    /// Whether more can follow.
    enum Ending {
        case none
        /// The peer's close_notify: all it sent has arrived.
        case closed
        case failed(TLSError)
    }

    /// The most a record adds to its plaintext, in any suite.
    private static let recordOverheadMax = 32
    private static let recordPlaintextMax = 16 * 1024
    /// Of records during the handshake: OpenSSL reserves a buffer of this size for a peer that may be anybody.
    private static let handshakeFragmentBytes = 4 * 1024

    let context: TLSContext
    /// The peer, as error texts name it.
    let peerName: String
    /// Why the peer's certificate didn't pass; set by OpenSSL's callback while it verifies.
    var refusal: String?
    private let ssl: OpaquePointer  // SSL *
    private let bio: SessionBIO
    private var clientHelloLimit = ClientHelloLimit()
    private(set) var isEstablished = false
    private var isBroken = false

    init(context: TLSContext, peerName: String) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        let bio = SessionBIO()
        guard let ssl = context.makeConnection() else {
            throw TLSError(.handshake, peerName, "no TLS session: \(OpenSSLErrorQueue.drainText())")
        }
        self.context = context
        self.peerName = peerName
        self.ssl = ssl
        self.bio = bio
        guard let stream = bio.makeBIO() else {
            throw TLSError(.handshake, peerName, "no TLS session: \(OpenSSLErrorQueue.drainText())")
        }
        SSL_set_bio(ssl, stream, stream)
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        COpenSSL_SSL_set_max_send_fragment(ssl, Self.handshakeFragmentBytes)
    }

    deinit {
        // OpenSSL would never resume what ends without close_notify, a rule of SSL 2. When a server dies all of its clients
        // come back, and that is when resumption is worth most.
        if isEstablished && !isBroken { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// The session that owns an `SSL *`, for OpenSSL's callbacks.
    static func of(_ ssl: OpaquePointer?) -> TLSSession? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSSession>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Encrypted bytes that `takeOutbound` would give.
    var outboundBytes: Int { bio.outboundBytes }

    /// Takes encrypted bytes from the peer, for the next `handshake` or `decrypt`.
    func receive(_ buffer: consuming ByteBuffer) { bio.receive(buffer) }

    /// As ``receive(_:)``, of a peer that nothing is known of yet.
    func receiveHandshake(_ buffer: consuming ByteBuffer) throws(TLSError) {
        // What looks like a message is encrypted later on in TLS 1.2, and there is no second ClientHello.
        if context.role == .server, SSL_version(ssl) != TLS1_2_VERSION {
            if let excess = clientHelloLimit.excess(in: buffer.readableBytesView) {
                isBroken = true
                // OpenSSL has not seen it, and can't say so. Nothing is encrypted yet: a fatal alert, in a record of its own.
                bio.send([21, 3, 3, 0, 2, 2, excess.rawValue])
                throw TLSError(
                    .handshake, peerName, "the client's first message has more than \(ClientHelloLimit.bytesMax) bytes")
            }
        }
        bio.receive(buffer)
    }

    /// Gives all encrypted bytes for the peer, nil if there are none.
    func takeOutbound() -> ByteBuffer? { bio.takeOutbound() }

    /// Goes on with the handshake as far as the received bytes allow.
    func handshake() throws(TLSError) -> HandshakeProgress {
        OpenSSLErrorQueue.clear()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            COpenSSL_SSL_set_max_send_fragment(ssl, Self.recordPlaintextMax)
            return .complete
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .incomplete
        case SSL_ERROR_ZERO_RETURN: throw closedDuringHandshake()
        default: throw failure(.handshake)
        }
    }

    /// What was agreed on, after the handshake. Throws when the peer's certificate is not fit to name anyone.
    func negotiated() throws(TLSError) -> TLSHandshakeCompleted {
        let applicationProtocol = applicationProtocol()
        let peer = try peerIdentity(context.enrollmentAuthority(applicationProtocol))
        try context.requireCertificate(of: peer, applicationProtocol, peerName: peerName)
        return TLSHandshakeCompleted(
            peer: peer,
            version: String(cString: SSL_get_version(ssl)),
            cipher: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "",
            applicationProtocol: applicationProtocol,
            isResumed: SSL_session_reused(ssl) == 1,
            channelBinding: context.bindsChannel(applicationProtocol) ? try channelBinding() : [])
    }

    private func channelBinding() throws(TLSError) -> [UInt8] {
        let label = "EXPORTER-Channel-Binding"
        var bytes = [UInt8](repeating: 0, count: 32)
        OpenSSLErrorQueue.clear()
        let isExported = SSL_export_keying_material(ssl, &bytes, bytes.count, label, label.utf8.count, nil, 0, 0) == 1
        guard isExported else { throw failure(.handshake) }
        return bytes
    }

    /// The peer's certificate, with CAs' ones that peers have sent; nil: it has shown none.
    func peerCertificates() -> (leaf: Certificate, chain: [Certificate])? {
        guard let pointer = SSL_get1_peer_certificate(ssl) else { return nil }
        return (Certificate(owned: pointer), context.intermediates.all)
    }

    /// Decrypts all that was received. Replies of the TLS layer (tickets, key updates, alerts) become outbound bytes.
    func decrypt(allocator: ByteBufferAllocator) -> Decrypted {
        // What comes out is what came in without the overhead, plus what OpenSSL holds of a record cut in two.
        let carried = SSL_has_pending(ssl) == 1 ? Self.recordPlaintextMax : 0
        guard bio.inboundBytes + carried > 0 else { return Decrypted(plaintext: nil, ending: .none) }
        var plaintext = allocator.buffer(capacity: bio.inboundBytes + carried)
        OpenSSLErrorQueue.clear()
        var result: Int32 = 1
        while result == 1 {
            _ = plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { bytes in
                var count = 0
                result = SSL_read_ex(ssl, bytes.baseAddress, bytes.count, &count)
                return result == 1 ? count : 0
            }
        }
        let ending = ending(SSL_get_error(ssl, result))
        return Decrypted(plaintext: plaintext.readableBytes > 0 ? plaintext : nil, ending: ending)
    }

    /// Encrypts all of `plaintext`, which isn't empty. False, without having taken anything, when a message of the TLS
    /// layer has arrived in part only and has to be read first.
    func encrypt(_ plaintext: ByteBuffer) throws(TLSError) -> Bool {
        let records = plaintext.readableBytes / Self.recordPlaintextMax + 1
        bio.reserveOutbound(plaintext.readableBytes + records * Self.recordOverheadMax)
        OpenSSLErrorQueue.clear()
        let result = plaintext.withUnsafeReadableBytes { bytes in
            var count = 0
            return SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        }
        if result == 1 { return true }
        guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else { throw failure(.protocolViolation) }
        return false
    }

    /// Changes the keys with the next bytes that are encrypted, and asks the peer to change its own (TLS 1.3).
    func requestKeyUpdate() { SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) }

    /// Says close_notify to the peer, as outbound bytes. Reading may go on. Does nothing before the handshake is done
    /// or after an error, when OpenSSL forbids it.
    func close() {
        guard isEstablished, !isBroken, SSL_in_init(ssl) == 0 else { return }
        OpenSSLErrorQueue.clear()
        SSL_shutdown(ssl)
        OpenSSLErrorQueue.clear()
    }

    /// The error when the connection is gone, and the peer hadn't said that it is done.
    func truncated() -> TLSError {
        TLSError(.truncated, peerName, "connection ended without close_notify; bytes may be missing")
    }

    /// The error when the peer leaves before the handshake is done.
    func closedDuringHandshake() -> TLSError {
        // It may be the ticket that the peer can't take.
        context.forgetSession()
        return TLSError(.closedDuringHandshake, peerName, "the peer closed the connection during the TLS handshake")
    }

    /// The error when the handshake isn't done in time.
    func handshakeTimedOut(after timeout: TimeAmount) -> TLSError {
        let seconds = Double(timeout.nanoseconds) / 1e9
        return TLSError(.handshakeTimeout, peerName, "TLS handshake not done within \(seconds) s")
    }

    /// The error when the peer makes the TLS layer reply and doesn't read the replies.
    func repliesUnread() -> TLSError {
        TLSError(.protocolViolation, peerName, "the peer asks for key updates and doesn't read them")
    }

    private func ending(_ code: Int32) -> Ending {
        switch code {
        case SSL_ERROR_WANT_READ: .none
        case SSL_ERROR_ZERO_RETURN: .closed
        default: .failed(failure(.protocolViolation))
        }
    }

    private func peerIdentity(_ authority: IssuingAuthority?) throws(TLSError) -> PeerIdentity? {
        guard let pointer = SSL_get1_peer_certificate(ssl) else { return nil }
        let certificate = Certificate(owned: pointer)
        guard let identity = PeerIdentity(certificate, of: authority) else {
            throw TLSError(
                .verification, peerName, "certificate of '\(certificate.subject)' has a malformed DNS name")
        }
        // A resumed session is not verified again.
        guard context.now <= certificate.notAfter else {
            context.forgetSession()
            throw TLSError(
                .verification, peerName,
                "certificate of '\(certificate.subject)' expired at \(certificate.notAfter)")
        }
        return identity
    }

    private func applicationProtocol() -> String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// Takes the error out of OpenSSL's queue: right after the call that failed, on the same thread.
    private func failure(_ code: TLSError.Code) -> TLSError {
        isBroken = true
        context.forgetSession()
        return SessionFailure(OpenSSLErrorQueue.drain()).error(code, of: self)
    }
}
