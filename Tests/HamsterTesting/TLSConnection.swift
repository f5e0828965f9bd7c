private import COpenSSL

/// A TLS connection to loopback that is spoken to byte by byte: OpenSSL over a ``RawConnection``, and nothing of this
/// project between. It trusts every server; what it shows of itself, and how it misbehaves, is the test's choice.
package final class TLSConnection {
    package enum Version: Sendable, Hashable, CaseIterable {
        case v11, v12, v13

        fileprivate var number: Int32 {
            switch self {
            case .v11: TLS1_1_VERSION
            case .v12: TLS1_2_VERSION
            case .v13: TLS1_3_VERSION
            }
        }
    }

    /// How a server ended a connection that was not served.
    package struct Refused: Error, Hashable, CustomStringConvertible {
        /// The fatal alert (RFC 8446, section 6); nil: the connection ended without one.
        package var alert: Int?
        /// In OpenSSL's words.
        package var reason = "the connection ended"

        package var description: String { "\(reason), TLS alert \(alert.map { "\($0)" } ?? "none")" }
    }

    package let raw: RawConnection
    /// What the server called the connection, once it has greeted.
    package private(set) var streamID = ""
    private let settings: OpaquePointer  // SSL_CTX *
    private let ssl: OpaquePointer  // SSL *
    private let fromServer: OpaquePointer  // BIO *
    private let toServer: OpaquePointer  // BIO *
    private var received: [UInt8] = []

    /// Connects; nothing is said yet. `pair`: the client's certificate chain and key; nil: none.
    /// `receiveBytes` as a ``RawConnection`` takes it.
    package init(
        port: Int, version: Version = .v13, as pair: CertificateAuthority.Pair? = nil, receiveBytes: Int? = nil
    ) throws {
        raw = try RawConnection(port: port, receiveBytes: receiveBytes)
        settings = try Self.settings(version, pair)
        guard let ssl = SSL_new(settings), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            throw TestingError("no TLS session: \(Self.reason())")
        }
        (self.ssl, fromServer, toServer) = (ssl, input, output)
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(settings)
    }

    /// Connects, shakes hands, and reads the two lines that a server greets with.
    package static func greeted(
        port: Int, version: Version = .v13, as pair: CertificateAuthority.Pair? = nil, receiveBytes: Int? = nil
    ) async throws -> TLSConnection {
        let connection = try TLSConnection(port: port, version: version, as: pair, receiveBytes: receiveBytes)
        try await connection.handshake()
        for start in ["### ", "STREAMID "] {
            let line = try await connection.line()
            guard line.hasPrefix(start) else { throw TestingError("expected '\(start)…', got '\(line)'") }
            connection.streamID = String(line.dropFirst(start.count))
        }
        return connection
    }

    private static func settings(
        _ version: Version, _ pair: CertificateAuthority.Pair?
    ) throws -> OpaquePointer {
        ERR_clear_error()
        guard let settings = SSL_CTX_new(TLS_client_method()) else { throw TestingError("SSL_CTX: \(reason())") }
        // The oldest versions are too weak for OpenSSL's usual security level.
        SSL_CTX_set_security_level(settings, version == .v11 ? 0 : 1)
        let isSet =
            COpenSSL_SSL_CTX_set_min_proto_version(settings, version.number) == 1
            && COpenSSL_SSL_CTX_set_max_proto_version(settings, version.number) == 1
        var isUsed = true
        if let pair {
            isUsed =
                SSL_CTX_use_certificate_chain_file(settings, pair.certificate) == 1
                && SSL_CTX_use_PrivateKey_file(settings, pair.key, SSL_FILETYPE_PEM) == 1
        }
        guard isSet, isUsed else {
            let reason = reason()
            SSL_CTX_free(settings)
            throw TestingError("\(pair?.certificate ?? "no certificate"): \(reason)")
        }
        return settings
    }

    // MARK: Speaking

    /// Throws ``Refused`` where the server doesn't agree. Under TLS 1.3 it may say so later, to the next that reads.
    package func handshake() async throws { try await complete("the TLS handshake") { SSL_do_handshake($0) } }

    /// Whose certificate the server has shown, as in `/CN=log.example.com`; nil before the handshake.
    package var serverSubject: String? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        guard let text = X509_NAME_oneline(X509_get_subject_name(certificate), nil, 0) else { return nil }
        defer { COpenSSL_OPENSSL_free(text) }
        return String(cString: text)
    }

    /// The first bytes that a client sends, for a test that sends them in its own way.
    package func beginHandshake() throws -> [UInt8] {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else { throw Self.refused() }
        return takeOutput()
    }

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await complete("the peer to take \(bytes.count) bytes") { SSL_write($0, bytes, Int32(bytes.count)) }
    }

    /// Encrypts `bytes`, and gives what a peer would get, to send with ``raw`` as a test likes.
    package func encrypt(_ bytes: [UInt8]) throws -> [UInt8] {
        ERR_clear_error()
        guard SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count else {
            throw TestingError("SSL_write: \(Self.reason())")
        }
        return takeOutput()
    }

    /// The record with which a client asks for new keys, and for the peer's new keys (RFC 8446, section 4.6.3).
    package func keyUpdate() throws -> [UInt8] {
        ERR_clear_error()
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, SSL_do_handshake(ssl) == 1 else {
            throw TestingError("SSL_key_update: \(Self.reason())")
        }
        return takeOutput()
    }

    /// Asks for a second handshake on the same connection (TLS 1.2), and waits for its end.
    package func renegotiate() async throws {
        guard SSL_renegotiate(ssl) == 1 else { throw TestingError("SSL_renegotiate: \(Self.reason())") }
        try await complete("the second handshake") { SSL_do_handshake($0) }
    }

    /// Sends a line and returns the next that comes.
    package func ask(_ line: String) async throws -> String {
        try await send("\(line)\n")
        return try await self.line()
    }

    /// Sends `INIT STREAM` with these words, and throws unless the reply is 200. Returns the reply.
    @discardableResult
    package func open(_ words: String) async throws -> String {
        let reply = try await ask("INIT STREAM \(words)")
        guard reply.hasPrefix("200 OK Ready to accept data") else { throw TestingError("expected 200, got '\(reply)'") }
        return reply
    }

    /// Says close_notify: the end of the data.
    package func finish() async throws {
        SSL_shutdown(ssl)
        try await raw.send(takeOutput())
    }

    // MARK: Hearing

    /// The next line without its LF. Throws ``Refused`` where the connection ends first.
    package func line(timeout: Duration = patience) async throws -> String {
        try await awaited(
            "a line; there is '\(String(decoding: received, as: UTF8.self))'", every: .betweenGlances, timeout: timeout
        ) {
            let end = try await read()
            if let lineEnd = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...lineEnd) }
                return String(decoding: received[..<lineEnd], as: UTF8.self)
            }
            if let end { throw end }
            return nil
        }
    }

    /// Reads until the server ends the connection, and gives the lines that came. Throws ``Refused`` for an alert, and
    /// where close_notify is missing.
    package func linesUntilEnd(timeout: Duration = patience) async throws -> [String] {
        let end = try await awaited("the server to close", every: .betweenGlances, timeout: timeout) {
            try await read()
        }
        guard SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0, end.alert == nil else { throw end }
        return String(decoding: received, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Takes what has come. Gives how the connection ended, if it did.
    private func read() async throws -> Refused? {
        let hasEnded = pump()
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            ERR_clear_error()
            let count = SSL_read(ssl, &buffer, Int32(buffer.count))
            if count > 0 {
                received += buffer[..<Int(count)]
            } else if SSL_get_error(ssl, count) == SSL_ERROR_WANT_READ {
                try await raw.send(takeOutput())
                return hasEnded ? Refused() : nil
            } else {
                return Self.refused()
            }
        }
    }

    // MARK: Between

    /// Repeats a call until it is done, and moves bytes meanwhile.
    private func complete(_ what: String, _ call: (OpaquePointer) -> Int32) async throws {
        let _: Bool = try await awaited(what, every: .betweenGlances) {
            let hasEnded = pump()
            ERR_clear_error()
            let result = call(ssl)
            guard result <= 0 else {
                try await raw.send(takeOutput())
                return true
            }
            let isWaiting = SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ
            guard isWaiting else { throw Self.refused() }
            guard !hasEnded else { throw Refused() }
            try await raw.send(takeOutput())
            return nil
        }
    }

    /// Whether the connection has ended; what came before is in the session's hands.
    private func pump() -> Bool {
        let bytes = raw.takeReceived()
        if !bytes.isEmpty { BIO_write(fromServer, bytes, Int32(bytes.count)) }
        return raw.ending != nil
    }

    private func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(toServer))
        let count = BIO_read(toServer, &bytes, Int32(bytes.count))
        return count > 0 ? Array(bytes[..<Int(count)]) : []
    }

    /// What OpenSSL's queue of errors says; an alert of the peer is among the reasons there.
    private static func refused() -> Refused {
        let code = ERR_peek_error()
        let number = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET
        return Refused(alert: ERR_GET_LIB(code) == ERR_LIB_SSL && number > 0 ? Int(number) : nil, reason: reason())
    }

    private static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "unknown reason"
    }
}
