import Foundation
import Testing

@testable import HamsterTLS

/// Certificates that don't pass: what the side that refuses says, and what the other side learns by the alert.
@Suite struct VerificationTests {
    let credentials: Credentials
    let hour = Date(timeIntervalSinceNow: 3600)

    init() throws { credentials = try Credentials() }

    @Test func `a server under another name`() throws {
        let errors = try refusals(server: .init(subject: "/CN=log.example.org", names: "DNS:old.example.org"))

        #expect(errors.client?.code == .verification)
        #expect(
            errors.client?.description
                == "server: certificate is for 'old.example.org', expected 'log.example.org'")
        #expect(errors.server?.code == .refusedByPeer)
        #expect(errors.server?.alert == 42)
    }

    @Test func `a server whose name is only in the common name`() throws {
        let errors = try refusals(server: .init(subject: "/CN=log.example.org", names: ""))

        #expect(
            errors.client?.description
                == "server: certificate of 'CN=log.example.org' has no subject alternative names, "
                + "expected 'log.example.org' (a common name doesn't count)")
    }

    @Test func `a server at an address that its certificate doesn't have`() throws {
        let sessions = try JoinedSessions(
            client: credentials.client { $0.serverName = "127.0.0.2" }, server: credentials.server())

        let error = sessions.refusals().client

        #expect(
            error?.description
                == "server: certificate is for 'log.example.org', '127.0.0.1', expected '127.0.0.2'")
    }

    @Test func `a server at the address that its certificate has`() throws {
        let sessions = try JoinedSessions(
            client: credentials.client { $0.serverName = "127.0.0.1" }, server: credentials.server())

        try sessions.handshake()

        #expect(try sessions.client.negotiated().peer?.ipAddresses == ["127.0.0.1"])
    }

    @Test func `a client of another CA`() throws {
        let other = try credentials.pki.makeCA("other", subject: "/CN=Other CA")
        let errors = try refusals(client: credentials.pki.issue("foreign", .init(), by: other))

        #expect(errors.server?.code == .verification)
        #expect(
            errors.server?.description
                == "client: certificate of 'CN=web1' was issued by 'CN=Other CA', which is not among the trusted CAs "
                + "in \(credentials.pki.ca.certificate)")
        #expect(
            errors.client?.description
                == "server: the server refused our certificate: certificate of an unknown CA (TLS alert 48)")
    }

    @Test func `a client of another CA with the same name`() throws {
        let twin = try credentials.pki.makeCA("twin", subject: "/CN=Test CA")
        let errors = try refusals(client: credentials.pki.issue("foreign", .init(), by: twin))

        #expect(errors.server?.code == .verification)
        #expect(errors.server?.description.contains("'CN=Test CA'") == true)
    }

    @Test func `a client whose certificate signs itself`() throws {
        let errors = try refusals(client: credentials.pki.makeCA("self", subject: "/CN=myself"))

        #expect(
            errors.server?.description
                == "client: certificate of 'CN=myself' is self-signed and not among the trusted CAs "
                + "in \(credentials.pki.ca.certificate)")
    }

    @Test func `a client whose certificate is for servers only`() throws {
        // A client of ours would not start with it.
        let issued = try credentials.pki.issue("wrong", .init(usage: "serverAuth"))
        let certificate = try #require(try PEMFile(path: issued.certificate, role: .certificate).certificates().first)

        #expect(
            try credentials.server().objection(to: certificate, chain: [])
                == "certificate of 'CN=web1' may not be used as a TLS client (extended key usage is serverAuth)")
    }

    @Test func `a client without certificate`() throws {
        let sessions = try JoinedSessions(
            client: credentials.client {
                $0.certificate = nil
                $0.key = nil
            }, server: credentials.server())

        let errors = sessions.refusals()

        #expect(errors.server?.code == .verification)
        #expect(
            errors.server?.description == "client: the client sent no certificate, and client_auth is 'require'")
        #expect(errors.client?.alert == 116)
    }

    @Test func `a client on the revocation list`() throws {
        let crl = try credentials.pki.revocationList("list", revoking: [credentials.clientIssued], nextUpdate: hour)
        let sessions = try JoinedSessions(
            client: credentials.client(), server: credentials.server { $0.crl = crl })

        let errors = sessions.refusals()

        #expect(errors.server?.description.contains("certificate of 'CN=web1' (serial number ") == true)
        #expect(errors.server?.description.contains(") was revoked at 2") == true)
        #expect(errors.client?.alert == 44)
    }

    @Test func `a client that is not on the revocation list`() throws {
        let other = try credentials.pki.issue("lost")
        let crl = try credentials.pki.revocationList("list", revoking: [other], nextUpdate: hour)
        let sessions = try JoinedSessions(
            client: credentials.client(), server: credentials.server { $0.crl = crl })

        try sessions.handshake()

        #expect(sessions.server.isEstablished)
    }

    @Test func `a client of an intermediate CA without revocation list`() throws {
        let intermediate = try credentials.pki.issue("middle", .init(subject: "/CN=Middle CA", names: "", isCA: true))
        let issued = try credentials.pki.issue("below", .init(), by: intermediate)
        let chain =
            try String(contentsOfFile: issued.certificate, encoding: .utf8)
            + String(contentsOfFile: intermediate.certificate, encoding: .utf8)
        try chain.write(toFile: issued.certificate, atomically: true, encoding: .utf8)
        let crl = try credentials.pki.revocationList("list", revoking: [], nextUpdate: hour)
        let client = try TLSContext(client: credentials.clientConfiguration(issued), applicationProtocols: [])

        let listed = try JoinedSessions(client: client, server: credentials.server { $0.crl = crl }).refusals()
        let unlisted = try JoinedSessions(client: client, server: credentials.server()).refusals()

        #expect(
            listed.server?.description
                == "client: certificate of 'CN=web1' can't be checked: no revocation list of 'CN=Middle CA' in \(crl)")
        #expect(unlisted.server == nil && unlisted.client == nil)
    }

    private func refusals(server request: TestPKI.Request) throws -> (client: TLSError?, server: TLSError?) {
        let issued = try credentials.pki.issue("wrong", request)
        let server = try credentials.server {
            $0.certificate = issued.certificate
            $0.key = issued.key
        }
        return try JoinedSessions(client: credentials.client(), server: server).refusals()
    }

    private func refusals(client issued: TestPKI.Issued) throws -> (client: TLSError?, server: TLSError?) {
        let client = try TLSContext(
            client: credentials.clientConfiguration(issued), applicationProtocols: ["loghamster/1"])
        return try JoinedSessions(client: client, server: credentials.server()).refusals()
    }
}
