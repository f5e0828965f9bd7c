import Foundation
import Testing

@testable import HamsterTLS

/// What is wrong with the files of a configuration is said when they are loaded.
@Suite struct TLSContextTests {
    let credentials: Credentials

    init() throws { credentials = try Credentials() }

    @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o644])
    func `a key that others can use is an error`(mode: Int) throws {
        let key = credentials.serverIssued.key
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: key)

        let error = error { _ in }

        #expect(error?.code == .keyReadableByOthers)
        #expect(
            error?.description == "\(key): others may read or write the private key "
                + "(mode 0\(String(mode, radix: 8))); run 'chmod 600 \(key)'")
    }

    @Test(.enabled(if: getuid() == 0, "only root can make such a file"))
    func `a key that systemd hands over as a credential is taken`() throws {
        let key = credentials.serverIssued.key
        try #require(chown(key, 0, 0) == 0 && chmod(key, 0o440) == 0)
        #expect(throws: Never.self) { _ = try credentials.server { _ in } }
        try #require(chown(key, 0, 1) == 0)
        #expect(error { _ in }?.code == .keyReadableByOthers)
    }

    @Test func `another certificate's key is an error`() throws {
        let error = error { $0.key = credentials.clientIssued.key }

        #expect(error?.code == .keyMismatch)
        #expect(
            error?.description == "\(credentials.clientIssued.key): isn't the key of the certificate of 'CN=log' "
                + "in \(credentials.serverIssued.certificate)")
    }

    @Test func `an encrypted key is an error, and nobody is asked for the passphrase`() throws {
        let key = credentials.pki.path("encrypted.key")
        try openssl([
            "pkey", "-in", credentials.serverIssued.key, "-aes256", "-passout", "pass:secret", "-out", key,
        ])
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)

        let error = error { $0.key = key }

        #expect(error?.code == .keyEncrypted)
    }

    @Test func `an expired certificate is an error`() throws {
        let end = Date(timeIntervalSince1970: 1_767_225_600)
        let issued = try credentials.pki.issue(
            "expired", .init(notBefore: end.addingTimeInterval(-86_400), notAfter: end))

        let error = error {
            $0.certificate = issued.certificate
            $0.key = issued.key
        }

        #expect(error?.code == .certificateExpired)
        #expect(
            error?.description == "\(issued.certificate): certificate of 'CN=web1' expired at "
                + "2026-01-01 00:00:00 UTC; renew it")
    }

    @Test func `a certificate for the other end of a connection is an error`() throws {
        let forClients = try credentials.pki.issue("for-clients", .init(usage: "clientAuth"))
        let forServers = try credentials.pki.issue("for-servers", .init(usage: "serverAuth"))

        let ofServer = error {
            $0.certificate = forClients.certificate
            $0.key = forClients.key
        }
        #expect(ofServer?.code == .wrongPurpose)
        #expect(
            ofServer?.description
                == "\(forClients.certificate): certificate of 'CN=web1' may not be used as a TLS server "
                + "(its extended key usage is clientAuth); issue one with serverAuth")
        let ofClient = #expect(throws: TLSError.self) {
            _ = try credentials.client {
                $0.certificate = forServers.certificate
                $0.key = forServers.key
            }
        }
        #expect(
            ofClient?.description
                == "\(forServers.certificate): certificate of 'CN=web1' may not be used as a TLS client "
                + "(its extended key usage is serverAuth); issue one with clientAuth")
    }

    @Test func `all that is wrong with the files is told, each with its setting`() throws {
        var server = credentials.serverConfiguration()
        #expect(server.faults() == [])
        server.key = credentials.clientIssued.key
        #expect(server.faults().map(\.setting) == [.key])
        server.certificate = "/nowhere/server.pem"
        server.key = "/nowhere/server.key"
        server.clientCA = credentials.clientIssued.certificate
        server.crl = "/nowhere/crl.pem"
        #expect(server.faults().map(\.setting) == [.certificate, .key, .authorities, .revocationLists])

        var client = credentials.clientConfiguration()
        #expect(client.faults() == [])
        client.ca = "/nowhere/ca.pem"
        client.certificate = nil
        client.key = nil
        #expect(client.faults().map(\.setting) == [.authorities])
    }

    @Test func `a missing file is an error`() throws {
        let error = error { $0.certificate = "/nowhere/server.pem" }

        #expect(error?.code == .fileUnreadable)
        #expect(
            error?.description == "/nowhere/server.pem: the certificate file can't be read: No such file or directory")
    }

    @Test func `a folder in place of a file is an error`() throws {
        let error = error { $0.clientCA = credentials.pki.folder }

        #expect(error?.description == "\(credentials.pki.folder): the CA file is no regular file")
    }

    @Test func `a file that is no PEM is an error`() throws {
        let path = credentials.pki.path("text.pem")
        try "not PEM at all".write(toFile: path, atomically: true, encoding: .utf8)
        let error = error { $0.clientCA = path }

        #expect(error?.code == .fileMalformed)
        #expect(error?.description == "\(path): holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    }

    @Test func `a damaged certificate is an error`() throws {
        let path = credentials.pki.path("damaged.pem")
        let text = try String(contentsOfFile: credentials.pki.ca.certificate, encoding: .utf8)
        try (text + text.replacingOccurrences(of: "MII", with: "AAA")).write(
            toFile: path, atomically: true, encoding: .utf8)
        let error = error { $0.clientCA = path }

        #expect(error?.code == .fileMalformed)
        #expect(error?.description.hasPrefix("\(path): certificate number 2 is damaged: ") == true)
    }

    @Test func `an empty file is an error`() throws {
        let path = credentials.pki.path("empty.pem")
        try Data().write(to: URL(fileURLWithPath: path))

        #expect(error { $0.certificate = path }?.description == "\(path): the certificate file is empty")
    }

    @Test func `a certificate in place of its CA's is an error`() throws {
        let path = credentials.clientIssued.certificate
        let error = error { $0.clientCA = path }

        #expect(error?.code == .fileMalformed)
        #expect(
            error?.description == "\(path): 'CN=web1' is no CA; give the certificate of its CA, 'CN=Test CA'")
    }

    @Test func `client certificates can't be asked for without client_ca`() throws {
        let error = error { $0.clientCA = nil }

        #expect(error?.code == .settingsRefused)
        #expect(error?.description == "client_auth: clients' certificates need client_ca to be verified")
    }

    @Test func `an expired revocation list is an error`() throws {
        let crl = try credentials.pki.revocationList(
            "old", revoking: [], nextUpdate: Date(timeIntervalSinceNow: -3600))
        let error = error { $0.crl = crl }

        #expect(error?.code == .revocationListExpired)
        #expect(error?.description.hasPrefix("\(crl): revocation list of 'CN=Test CA' expired at 2") == true)
    }

    @Test func `a client's certificate without its key is an error`() throws {
        let error = #expect(throws: TLSError.self) { _ = try credentials.client { $0.key = nil } }

        #expect(
            error?.description == "\(credentials.clientIssued.certificate): set the certificate's key too")
    }

    @Test(arguments: ["", ".example.org", "log\0.example.org"])
    func `a server name that would match anything else is an error`(name: String) {
        let error = #expect(throws: TLSError.self) { _ = try credentials.client { $0.serverName = name } }

        #expect(error?.code == .settingsRefused)
    }

    @Test func `the system's trust store is read without a CA file`() throws {
        _ = try credentials.client { $0.ca = nil }

        let sessions = try JoinedSessions(
            client: credentials.client { $0.ca = nil }, server: credentials.server())

        #expect(
            sessions.refusals().client?.description
                == "server: certificate of 'CN=log' was issued by 'CN=Test CA', "
                + "which is not among the system's trusted CAs")
    }

    private func error(_ change: (inout TLSServerConfiguration) -> Void) -> TLSError? {
        #expect(throws: TLSError.self) { _ = try credentials.server(change) }
    }
}
