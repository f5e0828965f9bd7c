import Foundation
import NIOCore
import Testing

@testable import HamsterTLS

/// Our server, and `openssl s_client`.
@Suite(.timeLimit(.minutes(5))) struct OpenSSLClientTests {
    let credentials: Credentials
    let recorder = Recorder()

    init() throws { credentials = try Credentials() }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `s_client is answered, and both close in order`(version: String) async throws {
        let listener = try await Peers.listen(credentials.server(minimumVersion: .v12), recorder, .echo)
        let client = try OpenSSLPeer.client(
            port: listener.port, [version, "-brief", "-alpn", "loghamster/1"] + ownCertificate)

        try client.send("hello there\n")
        await recorder.until { $0.text == "hello there\n" }
        await client.until { $0.contains("hello there") }
        try client.endInput()
        await recorder.until(\.isInactive)

        #expect(client.output.contains("hello there"))
        #expect(recorder.errors.isEmpty && recorder.inputClosedCount == 1)
        #expect(recorder.handshake?.version == version.replacingOccurrences(of: "-tls1_", with: "TLSv1."))
        #expect(recorder.handshake?.applicationProtocol == "loghamster/1")
        #expect(recorder.handshake?.peer?.subject == "CN=web1")
        try await listener.close()
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `s_client resumes its session`(version: String) async throws {
        let context = try credentials.server(minimumVersion: .v12)
        let listener = try await Peers.listen(context, recorder, .echo)
        let session = credentials.pki.path("session")
        for (count, option) in ["-sess_out", "-sess_in"].enumerated() {
            let client = try OpenSSLPeer.client(port: listener.port, [version, option, session] + ownCertificate)
            try client.send("round\n")
            await client.until { $0.contains("\nround\n") }
            try client.endInput()
            await client.end()
            await recorder.until { $0.inputClosedCount == count + 1 }
        }

        let resumed = recorder.handshakes.map(\.isResumed)

        #expect(resumed == [false, true])
        #expect(recorder.handshakes.allSatisfy { $0.peer?.subject == "CN=web1" })
        #expect(recorder.errors.isEmpty)
        try await listener.close()
    }

    @Test func `renegotiation is refused`() async throws {
        let listener = try await Peers.listen(credentials.server(minimumVersion: .v12), recorder, .echo)
        let client = try OpenSSLPeer.client(port: listener.port, ["-tls1_2"] + ownCertificate)
        await recorder.until { $0.handshake != nil }

        try client.send("R\n")
        await client.until { $0.contains("no renegotiation") }

        #expect(client.output.contains("RENEGOTIATING") && client.output.contains("no renegotiation"))
        #expect(recorder.handshakes.count == 1)
        try await listener.close()
    }

    @Test func `TLS 1_2 is refused by default`() async throws {
        let listener = try await Peers.listen(credentials.server(), recorder)
        let client = try OpenSSLPeer.client(port: listener.port, ["-tls1_2"] + ownCertificate)

        await recorder.until(\.isInactive)
        await client.end()

        #expect(
            recorder.tlsErrors.map(\.description)
                == ["client: no TLS version in common; compare min_version on both sides"])
        #expect(client.output.contains("alert protocol version"))
        try await listener.close()
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA"])
    func `TLS 1_2 without authenticated encryption is refused`(cipher: String) async throws {
        let listener = try await Peers.listen(credentials.server(minimumVersion: .v12), recorder)
        let client = try OpenSSLPeer.client(port: listener.port, ["-tls1_2", "-cipher", cipher] + ownCertificate)

        await recorder.until(\.isInactive)
        await client.end()

        #expect(recorder.tlsErrors.map(\.description) == ["client: no cipher suite in common"])
        try await listener.close()
    }

    @Test func `a client that offers another protocol is told so`() async throws {
        let listener = try await Peers.listen(credentials.server(), recorder)
        let client = try OpenSSLPeer.client(port: listener.port, ["-alpn", "h2"] + ownCertificate)

        await recorder.until(\.isInactive)
        await client.end()

        #expect(recorder.tlsErrors.map(\.code) == [.handshake])
        #expect(client.output.contains("no application protocol"))
        try await listener.close()
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a client without certificate is told so`(version: String) async throws {
        let listener = try await Peers.listen(credentials.server(minimumVersion: .v12), recorder)
        let client = try OpenSSLPeer.client(port: listener.port, [version])

        await recorder.until(\.isInactive)
        await client.end()

        #expect(recorder.tlsErrors.map(\.code) == [.verification])
        #expect(client.output.contains(version == "-tls1_3" ? "certificate required" : "handshake failure"))
        try await listener.close()
    }

    @Test func `a client whose certificate has expired is told so`() async throws {
        let end = Date(timeIntervalSince1970: 1_767_225_600)
        let issued = try credentials.pki.issue(
            "expired", .init(notBefore: end.addingTimeInterval(-86_400), notAfter: end))
        let listener = try await Peers.listen(credentials.server(), recorder)
        let client = try OpenSSLPeer.client(
            port: listener.port, ["-cert", issued.certificate, "-key", issued.key])

        await recorder.until(\.isInactive)
        await client.end()

        #expect(
            recorder.tlsErrors.map(\.description)
                == ["client: certificate of 'CN=web1' expired at 2026-01-01 00:00:00 UTC"])
        #expect(client.output.contains("certificate expired"))
        try await listener.close()
    }

    @Test func `a client that is killed leaves a truncated stream`() async throws {
        let listener = try await Peers.listen(credentials.server(), recorder, .echo)
        let client = try OpenSSLPeer.client(port: listener.port, ownCertificate)
        try client.send("the first half\n")
        // Bytes that it had not read, such as a ticket, would make the kernel reset the connection instead.
        await client.until { $0.contains("the first half") }

        client.kill()
        await recorder.until(\.isInactive)

        #expect(recorder.text == "the first half\n")
        #expect(recorder.tlsErrors.map(\.code) == [.truncated])
        #expect(recorder.inputClosedCount == 0)
        try await listener.close()
    }

    private var ownCertificate: [String] {
        ["-cert", credentials.clientIssued.certificate, "-key", credentials.clientIssued.key]
    }
}
