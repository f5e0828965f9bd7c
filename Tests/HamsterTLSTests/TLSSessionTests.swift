import NIOCore
import Testing

@testable import HamsterTLS

@Suite struct TLSSessionTests {
    let pki: TestPKI
    let server: TestPKI.Issued
    let client: TestPKI.Issued

    init() throws {
        pki = try TestPKI()
        server = try pki.issue("server", .init(subject: "/CN=log", names: "DNS:log.example.org,IP:127.0.0.1"))
        client = try pki.issue("client", .init(subject: "/CN=web1", names: "DNS:WEB1.example.org"))
    }

    @Test func `two sessions shake hands and exchange bytes`() throws {
        let sessions = try join()

        try sessions.handshake()

        #expect(try sessions.send("hello", from: sessions.client, to: sessions.server) == "hello")
        #expect(try sessions.send("world", from: sessions.server, to: sessions.client) == "world")
        let agreed = try sessions.server.negotiated()
        #expect(agreed.version == "TLSv1.3")
        #expect(agreed.peer?.subject == "CN=web1")
        #expect(agreed.peer?.dnsNames == ["web1.example.org"])
    }

    private func join() throws -> JoinedSessions {
        try JoinedSessions(
            client: TLSContext(
                client: .init(
                    ca: pki.ca.certificate, certificate: client.certificate, key: client.key,
                    serverName: "log.example.org"),
                applicationProtocols: ["loghamster/1"]),
            server: TLSContext(
                server: .init(
                    certificate: server.certificate, key: server.key, clientCA: pki.ca.certificate,
                    clientAuthentication: .require),
                applicationProtocols: ["loghamster/1"]))
    }
}
