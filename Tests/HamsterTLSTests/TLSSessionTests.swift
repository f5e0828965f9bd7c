import NIOCore
import Testing

@testable import HamsterTLS

@Suite struct TLSSessionTests {
    let credentials: Credentials

    init() throws { credentials = try Credentials() }

    @Test func `two sessions shake hands and exchange bytes`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())

        try sessions.handshake()

        #expect(try sessions.send("hello", from: sessions.client, to: sessions.server) == "hello")
        #expect(try sessions.send("world", from: sessions.server, to: sessions.client) == "world")
        #expect(try sessions.client.negotiated().version == "TLSv1.3")
        #expect(try sessions.client.negotiated().applicationProtocol == "loghamster/1")
    }

    @Test func `each side knows the other's identity`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())

        try sessions.handshake()

        let client = try #require(try sessions.server.negotiated().peer)
        let server = try #require(try sessions.client.negotiated().peer)
        let digest = try openssl([
            "x509", "-in", credentials.clientIssued.certificate, "-noout", "-fingerprint", "-sha256",
        ])
        #expect(client.subject == "CN=web1")
        #expect(client.dnsNames == ["web1.example.org"])
        #expect(server.ipAddresses == ["127.0.0.1"])
        #expect(digest.lowercased().replacing(":", with: "").contains(client.fingerprint))
        #expect(abs(client.notAfter - CertificateTime.now.unixSeconds - 86_400) < 60)
    }

    @Test func `bytes cut anywhere come out whole`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())
        try sessions.handshake()
        let sent = ByteBuffer(bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(try sessions.client.encrypt(sent))
        var encrypted = try #require(sessions.client.takeOutbound())

        var received = ByteBuffer()
        while let piece = encrypted.readSlice(length: min(977, encrypted.readableBytes)), piece.readableBytes > 0 {
            sessions.server.receive(piece)
            var plaintext = sessions.server.decrypt(allocator: ByteBufferAllocator()).plaintext ?? ByteBuffer()
            received.writeBuffer(&plaintext)
        }

        #expect(received == sent)
    }

    @Test func `a batch goes out in records as long as may be, after those of a handshake are short`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())
        try sessions.handshake()
        let sent = ByteBuffer(repeating: 7, count: 256 << 10)

        for (sender, receiver) in [(sessions.client, sessions.server), (sessions.server, sessions.client)] {
            #expect(try sender.encrypt(sent))
            let encrypted = try #require(sender.takeOutbound())

            // Each record costs OpenSSL the same, however short it is.
            #expect(recordCount(encrypted) == 16)
            receiver.receive(encrypted)
            #expect(receiver.decrypt(allocator: ByteBufferAllocator()).plaintext == sent)
        }
    }

    /// Of whole records: a type, a version and a length each (RFC 8446, section 5.1).
    private func recordCount(_ encrypted: ByteBuffer) -> Int {
        var (rest, count) = (encrypted, 0)
        while rest.readSlice(length: 3) != nil, rest.readLengthPrefixedSlice(as: UInt16.self) != nil { count += 1 }
        return count
    }

    @Test func `a second connection goes on with the first one's session`() throws {
        let (client, server) = (try credentials.client(), try credentials.server())
        let first = try JoinedSessions(client: client, server: server)
        try first.handshake()
        _ = try first.send("brings the ticket along", from: first.server, to: first.client)
        let second = try JoinedSessions(client: client, server: server)

        try second.handshake()

        #expect(try !first.server.negotiated().isResumed)
        #expect(try second.server.negotiated().isResumed && second.client.negotiated().isResumed)
        #expect(try second.server.negotiated().peer == first.server.negotiated().peer)
    }

    @Test func `close_notify ends one direction and not the other`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())
        try sessions.handshake()

        sessions.client.close()
        sessions.carry(from: sessions.client, to: sessions.server)
        let decrypted = sessions.server.decrypt(allocator: ByteBufferAllocator())

        guard case .closed = decrypted.ending else { throw Unexpected() }
        #expect(try sessions.send("still here", from: sessions.server, to: sessions.client) == "still here")
    }

    @Test func `a record that was changed on its way is refused by both`() throws {
        let sessions = try JoinedSessions(client: credentials.client(), server: credentials.server())
        try sessions.handshake()
        _ = try sessions.client.encrypt(ByteBuffer(string: "hello"))
        var bytes = try #require(sessions.client.takeOutbound())
        bytes.setInteger(UInt8(0xFF) ^ (bytes.getInteger(at: 10) ?? 0), at: 10)

        sessions.server.receive(bytes)
        let errors = sessions.refusals()

        #expect(errors.server?.code == .protocolViolation)
        #expect(errors.server?.description == "client: a record was changed on its way")
        #expect(errors.client?.alert == 20)
    }

    @Test func `plain text is no TLS`() throws {
        let session = try TLSSession(context: credentials.server(), peerName: "client")

        session.receive(ByteBuffer(string: "### Welcome to a plain text protocol\n"))

        let error = #expect(throws: TLSError.self) { try session.handshake() }
        #expect(error?.code == .handshake)
        #expect(error?.description == "client: the peer doesn't speak TLS; is it enabled on both sides?")
    }

    @Test func `a client without ALPN is served`() throws {
        let sessions = try JoinedSessions(client: credentials.client(protocols: []), server: credentials.server())

        try sessions.handshake()

        #expect(try sessions.server.negotiated().applicationProtocol == nil)
    }

    @Test func `a client with another ALPN name is refused`() throws {
        let sessions = try JoinedSessions(client: credentials.client(protocols: ["h2"]), server: credentials.server())

        let errors = sessions.refusals()

        #expect(
            errors.server?.description == "client: the client offers none of our application protocols (ALPN)")
        #expect(errors.client?.alert == 120)
    }

    @Test func `a client without certificate is served where it is optional`() throws {
        let sessions = try JoinedSessions(
            client: credentials.client {
                $0.certificate = nil
                $0.key = nil
            },
            server: credentials.server { $0.clientAuthentication = .optional })

        try sessions.handshake()

        #expect(try sessions.server.negotiated().peer == nil)
    }
}

/// Thrown by tests where a pattern didn't match.
struct Unexpected: Error {}
