import Foundation
import HamsterTesting
import Testing

private let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/gnutls-cli")

/// `gnutls-cli` with a client's certificate is a client: the other TLS library that Linux has.
@Suite(.enabled(if: isInstalled, "gnutls-cli is not installed (gnutls-bin)"))
struct GnuTLSIsTheClientTests {
    private static let request = "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0\n"
    private static let output = "stored/web1/var/log/app.log"

    @Test(arguments: ["1.2", "1.3"])
    func `its data is stored, and it hears so`(version: String) async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\nmin_version = \"1.2\"")
        let bytes = logText(bytes: 300_000)

        let client = try client(deployment, as: deployment.clientPair, ["-VERS-ALL:+VERS-TLS\(version)"], bytes)

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        #expect(client.output.contains("- Application protocol: loghamster/1"), "\(client.output)")
        #expect(client.output.contains("\nACK \(bytes.count)\n"), "\(client.output)")
        let isSame = deployment.scratch.contents(Self.output) == bytes
        #expect(isSame)
        #expect(server.errors.contains("version=TLSv\(version)"))
    }

    @Test func `with a certificate of another CA it is refused`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let other = try await CertificateAuthority(in: deployment.scratch, name: "other")

        let client = try await client(deployment, as: other.client("web1"), [], Array("a line\n".utf8))

        #expect(try await client.exitCode() != 0)
        try await server.waitForError("certificate of 'CN=web1' was issued by 'CN=Test CA other', which is not among")
        #expect(deployment.scratch.contents(Self.output) == nil)
    }

    /// Sends the request and data, then ends with the end of its input. `priorities` as GnuTLS writes them.
    private func client(
        _ deployment: Deployment, as pair: CertificateAuthority.Pair, _ priorities: [String], _ bytes: [UInt8]
    ) throws -> ChildProcess {
        try ChildProcess(
            "/usr/bin/gnutls-cli",
            [
                "--port", "\(deployment.port)", "--x509cafile", deployment.authority.certificate,
                "--x509certfile", pair.certificate, "--x509keyfile", pair.key, "--alpn", "loghamster/1",
                "--priority", (["NORMAL"] + priorities).joined(separator: ":"), "127.0.0.1",
            ], in: deployment.scratch, input: Array(Self.request.utf8) + bytes)
    }
}
