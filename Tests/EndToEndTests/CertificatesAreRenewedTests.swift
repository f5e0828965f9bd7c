import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// Certificates that are replaced on disk while both programs run.
struct CertificatesAreRenewedTests {
    /// Points a symbolic link elsewhere in one step, as certbot does.
    private func link(_ name: String, to target: String, in deployment: Deployment) throws -> String {
        let path = deployment.scratch(name)
        try FileManager.default.createSymbolicLink(atPath: path + "-new", withDestinationPath: target)
        guard rename(path + "-new", path) == 0 else {
            throw TestingError("rename: \(String(cString: strerror(errno)))")
        }
        return path
    }

    @Test func `the server shows its new certificate without a signal, and open streams go on`() async throws {
        let deployment = try await Deployment()
        let (first, other) = (deployment.serverPair, try await deployment.authority.server("other.example.com"))
        let pair = CertificateAuthority.Pair(
            certificate: try link("live.pem", to: first.certificate, in: deployment),
            key: try link("live.key", to: first.key, in: deployment))
        let server = try await deployment.startServer(pair: pair)
        let client = try deployment.startClient()
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        _ = try link("live.pem", to: other.certificate, in: deployment)
        _ = try link("live.key", to: other.key, in: deployment)
        try await server.waitForError("certificates are reloaded")
        try deployment.scratch.append("source/a.log", "two\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))
        #expect(server.errors.components(separatedBy: "stream opened").count == 2)
        // Of a name that the client does not ask for: so it is seen that it is shown.
        try deployment.scratch.append("source/b.log", "three\n")
        try await client.waitForError("certificate is for 'other.example.com'")

        _ = try link("live.pem", to: first.certificate, in: deployment)
        _ = try link("live.key", to: first.key, in: deployment)
        try await deployment.waitUntilStored("b.log", Array("three\n".utf8))
        #expect(!server.errors.contains("not reloaded"))
    }

    @Test func `a file that is broken leaves the old certificate in use`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try deployment.scratch.append("source/a.log", "one\n")
        let client = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))
        let certificate = try String(contentsOfFile: deployment.serverPair.certificate, encoding: .utf8)
        try "broken".write(toFile: deployment.serverPair.certificate, atomically: true, encoding: .utf8)
        try await server.waitForError("certificates are not reloaded, the old ones stay in use")
        try deployment.scratch.append("source/b.log", "two\n")
        try await deployment.waitUntilStored("b.log", Array("two\n".utf8))
        try certificate.write(toFile: deployment.serverPair.certificate, atomically: true, encoding: .utf8)
        try await server.waitForError("certificates are reloaded")
        #expect(try await client.terminate() == 0)
    }

    @Test func `the client uses its new certificate for the next connection`() async throws {
        let deployment = try await Deployment()
        let relay = try await deployment.authority.client("relay")
        let pair = CertificateAuthority.Pair(
            certificate: try link("client.pem", to: relay.certificate, in: deployment),
            key: try link("client.key", to: relay.key, in: deployment))
        _ = try await deployment.startServer()
        let client = try deployment.startClient(tls: deployment.trust(as: pair))
        try deployment.scratch.append("source/a.log", "one\n")
        try await client.waitForError("certificate is for 'relay', not for host 'web1'")

        _ = try link("client.pem", to: deployment.clientPair.certificate, in: deployment)
        _ = try link("client.key", to: deployment.clientPair.key, in: deployment)
        try await client.waitForError("certificates are reloaded")
        try deployment.scratch.append("source/b.log", "two\n")
        try await deployment.waitUntilStored("b.log", Array("two\n".utf8))
    }

    @Test func `a list that is put into the directory of revocations counts at once`() async throws {
        let deployment = try await Deployment()
        try FileManager.default.createDirectory(
            atPath: deployment.scratch("lists"), withIntermediateDirectories: true)
        let first = deployment.scratch("lists/first.pem")
        try FileManager.default.copyItem(atPath: deployment.authority.revocations, toPath: first)
        let server = try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\ncrl = \"lists\"")
        let client = try deployment.startClient()
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try await deployment.authority.revoke("web1")
        try FileManager.default.copyItem(
            atPath: deployment.authority.revocations, toPath: deployment.scratch("lists/second.pem"))
        try await server.waitForError("stream is ended")
        try deployment.scratch.append("source/a.log", "two\n")
        try await client.waitForError("the server refused our certificate: certificate revoked")
        #expect(server.errors.contains("certificates are reloaded"))
    }

    @Test func `certificates that end soon are in both logs and in the status`() async throws {
        let deployment = try await Deployment()
        let soon = ["--not-before", "60 days ago", "--not-after", "5 days"]
        let server = try await deployment.startServer(
            pair: deployment.authority.server("127.0.0.1", arguments: soon))
        let pair = try await deployment.authority.client("web1", arguments: soon + ["--force"])
        let client = try deployment.startClient(tls: deployment.trust(as: pair))

        for program in [server, client] {
            try await program.waitForError("certificate ends soon: renew it")
            let line = program.errors.split(separator: "\n").first { $0.contains("certificate ends soon") } ?? ""
            #expect(line.contains("days=4") || line.contains("days=5"), "\(line)")
            #expect(program.errors.components(separatedBy: "ends soon").count == 2, "\(program.errors)")
        }
        let certificates = try await deployment.statusDocument { _ in true }["certificates"]?.elements ?? []
        #expect(certificates.map { $0["role"] } == [.string("own"), .string("ca")])
        #expect(certificates.first?["name"] == .string("CN=127.0.0.1"))
        let table = try await deployment.status().output
        #expect(table.contains("CERTIFICATE  DAYS LEFT  NAME"), "\(table)")
    }

    @Test func `a key that others could read is used once they can't`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let key = deployment.serverPair.key
        #expect(chmod(key, 0o644) == 0)
        try await server.waitForError("certificates are not reloaded, the old ones stay in use")
        #expect(server.errors.contains("run 'chmod 600"))
        #expect(chmod(key, 0o600) == 0)
        try await server.waitForError("certificates are reloaded")
    }
}
