import Foundation
import NIOCore
import Testing

@testable import HamsterTLS

/// Our client, and `openssl s_server`.
@Suite(.timeLimit(.minutes(5))) struct OpenSSLServerTests {
    let credentials: Credentials
    let recorder = Recorder()

    init() throws { credentials = try Credentials() }

    @Test(arguments: [("-tls1_2", TLSVersion.v12), ("-tls1_3", .v13)])
    func `s_server answers`(option: String, version: TLSVersion) async throws {
        let server = try OpenSSLPeer.server(
            credentials.serverIssued,
            [option, "-alpn", "loghamster/1", "-Verify", "1", "-CAfile", credentials.pki.ca.certificate])
        defer { server.kill() }
        let channel = try await Peers.connect(
            to: try await server.port(), credentials.client(minimumVersion: version), recorder)

        try await channel.writeAndFlush(ByteBuffer(string: "retsmah\n"))
        await recorder.until { $0.text == "hamster\n" }
        try await channel.close(mode: .output)
        await recorder.until(\.isInactive)

        #expect(recorder.text == "hamster\n")
        #expect(recorder.errors.isEmpty && recorder.inputClosedCount == 1)
        #expect(recorder.handshake?.version == option.replacingOccurrences(of: "-tls1_", with: "TLSv1."))
        #expect(recorder.handshake?.applicationProtocol == "loghamster/1")
        #expect(recorder.handshake?.peer?.dnsNames == ["log.example.org"])
    }

    @Test(arguments: [("-tls1_2", TLSVersion.v12), ("-tls1_3", .v13)])
    func `the next connection resumes the session`(option: String, version: TLSVersion) async throws {
        let server = try OpenSSLPeer.server(
            credentials.serverIssued,
            [option, "-Verify", "1", "-CAfile", credentials.pki.ca.certificate])
        defer { server.kill() }
        let (port, context) = (try await server.port(), try credentials.client(minimumVersion: version))
        for count in 1...2 {
            let channel = try await Peers.connect(to: port, context, recorder)
            try await channel.writeAndFlush(ByteBuffer(string: "x\n"))
            await recorder.until { $0.byteCount == 2 * count }
            try await channel.close(mode: .output)
            await recorder.until { $0.inactiveCount == count }
        }

        #expect(recorder.handshakes.map(\.isResumed) == [false, true])
        #expect(recorder.errors.isEmpty)
    }

    @Test func `a server that wants a certificate refuses us without one`() async throws {
        let server = try OpenSSLPeer.server(
            credentials.serverIssued, ["-Verify", "1", "-CAfile", credentials.pki.ca.certificate])
        defer { server.kill() }
        let port = try await server.port()
        _ = try await Peers.connect(
            to: port,
            credentials.client {
                $0.certificate = nil
                $0.key = nil
            }, recorder)

        await recorder.until(\.isInactive)

        #expect(
            recorder.tlsErrors.map(\.description) == [
                "log.example.org:\(port): the server refused our certificate: it requires one, and we sent none; "
                    + "set cert and key (TLS alert 116)"
            ])
    }

    @Test func `a server whose certificate has expired is refused`() async throws {
        let end = Date(timeIntervalSince1970: 1_767_225_600)
        let error = try await refusal {
            $0.notBefore = end.addingTimeInterval(-86_400)
            $0.notAfter = end
        }

        #expect(error == "certificate of 'CN=web1' expired at 2026-01-01 00:00:00 UTC")
    }

    @Test func `a server whose certificate is not valid yet is refused`() async throws {
        let error = try await refusal { $0.notBefore = Date(timeIntervalSinceNow: 3600) }

        #expect(error.hasPrefix("certificate of 'CN=web1' is not valid before 2"))
        #expect(error.hasSuffix("compare the clocks"))
    }

    @Test func `a server without TLS 1_3 is refused by default`() async throws {
        let server = try OpenSSLPeer.server(credentials.serverIssued, ["-tls1_2"])
        defer { server.kill() }
        _ = try await Peers.connect(to: try await server.port(), credentials.client(), recorder)

        await recorder.until(\.isInactive)

        #expect(recorder.tlsErrors.first?.description.contains("no TLS version in common") == true)
        #expect(recorder.tlsErrors.count == 1)
    }

    private func refusal(_ change: (inout TestPKI.Request) -> Void) async throws -> String {
        var request = TestPKI.Request(names: "DNS:log.example.org")
        change(&request)
        let server = try OpenSSLPeer.server(credentials.pki.issue("wrong", request))
        defer { server.kill() }
        let port = try await server.port()
        _ = try await Peers.connect(to: port, credentials.client(), recorder)
        await recorder.until(\.isInactive)
        let error = try #require(recorder.tlsErrors.first)
        #expect(error.code == .verification && recorder.tlsErrors.count == 1)
        return error.description.replacingOccurrences(of: "log.example.org:\(port): ", with: "")
    }
}
