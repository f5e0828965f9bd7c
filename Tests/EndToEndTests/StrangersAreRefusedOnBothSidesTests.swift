import Foundation
import HamsterTesting
import Testing

/// Who may not send, or may not be sent to, is refused, and both logs say why in words.
struct StrangersAreRefusedOnBothSidesTests {
    @Test func `a client without a certificate`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()

        let errors = try await refusal(deployment, tls: deployment.trust(as: nil))

        #expect(errors.contains("it requires one, and we sent none; set cert and key"), "\(errors)")
        try await server.waitForError("the client sent no certificate, and client_auth is 'require'")
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a client with a certificate of another CA`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let other = try await CertificateAuthority(in: deployment.scratch, name: "other")

        let errors = try await refusal(deployment, tls: deployment.trust(as: other.client("web1")))

        #expect(errors.contains("the server refused our certificate: certificate of an unknown CA"), "\(errors)")
        try await server.waitForError("certificate of 'CN=web1' was issued by 'CN=Test CA other', which is not among")
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a server with a certificate of another CA`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let other = try await CertificateAuthority(in: deployment.scratch, name: "other")

        let errors = try await refusal(
            deployment, tls: deployment.trust(other.certificate, as: deployment.clientPair))

        #expect(errors.contains("was issued by 'CN=Test CA pki', which is not among the trusted CAs in"), "\(errors)")
        try await server.waitForError("the client refused our certificate: certificate of an unknown CA")
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a server under another name`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()

        let errors = try await refusal(
            deployment, tls: deployment.trust(as: deployment.clientPair) + "\nserver_name = \"log.example.com\"")

        #expect(
            errors.contains("certificate is for 'localhost', '127.0.0.1', expected 'log.example.com'"), "\(errors)")
        try await server.waitForError("the client refused our certificate: bad certificate")
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a certificate for servers, shown by a client that is not ours`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()

        let refusal = await #expect(throws: TLSConnection.Refused.self) {
            _ = try await TLSConnection.greeted(port: deployment.port, as: deployment.serverPair)
        }

        #expect(refusal?.alert == 43)
        try await server.waitForError("certificate of 'CN=localhost' may not be used as a TLS client")
    }

    @Test func `two hundred strangers at once write few lines`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let started = ContinuousClock.now

        for _ in 0..<200 {
            let stranger = try RawConnection(port: deployment.port)
            try await stranger.send("GET / HTTP/1.1\r\n\r\n")
            _ = try await stranger.linesUntilEnd()
        }

        try await server.waitForError("more were refused and are not listed count=")
        let lines = server.errors.components(separatedBy: "connection refused").count - 1
        let seconds = Int((ContinuousClock.now - started).components.seconds)
        #expect(lines >= 1 && lines <= seconds + 2)
    }

    @Test func `a client whose certificate is revoked`() async throws {
        let deployment = try await Deployment()
        try await deployment.authority.revoke("web1")
        let server = try await deployment.startServer(
            tls: """
                client_ca = "\(deployment.authority.certificate)"
                crl = "\(deployment.authority.revocations)"
                """)

        let errors = try await refusal(deployment)

        #expect(errors.contains("the server refused our certificate: certificate revoked"), "\(errors)")
        try await server.waitForError("certificate of 'CN=web1' (serial number ")
        #expect(server.errors.contains(") was revoked at 2"))
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a host that is not in the client's certificate`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let pair = try await deployment.authority.client("db1")

        let errors = try await refusal(deployment, tls: deployment.trust(as: pair))

        let text = "403 certificate is for 'db1', not for host 'web1'"
        #expect(errors.contains("the server refused: \(text)"), "\(errors)")
        try await server.waitForError(text)
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a relay sends for the hosts that it is allowed, and for no others`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer(
            tls: """
                client_ca = "\(deployment.authority.certificate)"
                allow = [{ certificate = "relay1", hosts = ["web*"] }, { certificate = "relay2", hosts = ["db*"] }]
                """)
        let path = try deployment.scratch.write("source/a.log", "a line\n")

        let allowed = try await deployment.send(
            [path], tls: deployment.trust(as: deployment.authority.client("relay1")))
        #expect(allowed.exitCode == 0, "\(allowed.errors)")
        #expect(deployment.stored("a.log") == Array("a line\n".utf8))

        let errors = try await refusal(deployment, tls: deployment.trust(as: deployment.authority.client("relay2")))
        #expect(errors.contains("403 certificate is for 'relay2', not for host 'web1'"), "\(errors)")
        try await server.waitForError("403 certificate is for 'relay2', not for host 'web1'")
    }

    @Test func `a client without TLS`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer(extra: "[limits]\nhandshake_timeout = \"500ms\"")
        let path = try deployment.scratch.write("source/a.log", "a line\n")

        let result = try await deployment.send([path], target: "connect_timeout = \"1s\"", tls: "enabled = false")

        #expect(result.exitCode == 69, "\(result.errors)")
        #expect(result.errors.contains("closed it without a word: if it wants TLS, TLS is off here ([target.tls]"))
        try await server.waitForError("connection refused")
        #expect(deployment.stored("a.log") == nil)
    }

    @Test func `a server without TLS`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startPlainServer()

        let errors = try await refusal(deployment)

        #expect(errors.contains("the peer doesn't speak TLS; is it enabled on both sides?"), "\(errors)")
        #expect(deployment.stored("a.log") == nil)
        #expect(server.isRunning)
    }

    /// Sends one file in vain. Returns what the client said, as one line.
    private func refusal(_ deployment: Deployment, tls: String? = nil) async throws -> String {
        let path = try deployment.scratch.write("source/a.log", "a line\n")
        let result = try await deployment.send([path], tls: tls)
        #expect(result.exitCode == 69, "\(result.errors)")
        let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("loghamsterc: ") }
        #expect(lines.count == 1 && lines.first?.contains("/source/a.log: ") == true, "\(result.errors)")
        return result.errors
    }
}
