import Foundation
import HamsterTesting
import Testing

/// `openssl s_client` with a client's certificate is a client.
struct OpenSSLIsTheClientTests {
    private static let request = "INIT STREAM web1:/var/log/app.log svc:app\n"
    private static let output = "stored/web1/var/log/app.log"

    @Test(arguments: [[], ["-alpn", "loghamster/1"], ["-alpn", "other/1,loghamster/1"]])
    func `its data is stored`(arguments: [String]) async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = Array(String(decoding: logText(bytes: 50_000), as: UTF8.self).utf8)

        let client = try client(deployment, arguments, bytes)

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        try await eventually("the data in the output") { deployment.scratch.contents(Self.output) == bytes }
    }

    @Test func `another application protocol is refused`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()

        let client = try client(deployment, ["-alpn", "other/1"], [])

        #expect(try await client.exitCode() != 0)
        #expect(client.errors.contains("no application protocol"), "\(client.errors)")
        try await server.waitForError("the client offers none of our application protocols (ALPN)")
    }

    @Test func `TLS 1.2 is refused unless it is allowed`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()

        let refused = try client(deployment, ["-tls1_2"], [])
        #expect(try await refused.exitCode() != 0)
        #expect(refused.errors.contains("alert protocol version"), "\(refused.errors)")
        try await server.waitForError("no TLS version in common; compare min_version on both sides")

        try await server.terminate()
        server = try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\nmin_version = \"1.2\"")
        let served = try client(deployment, ["-tls1_2"], Array("a line\n".utf8))
        #expect(try await served.exitCode() == 0, "\(served.errors)")
        try await eventually("the data in the output") {
            deployment.scratch.contents(Self.output) == Array("a line\n".utf8)
        }
        #expect(server.errors.contains("version=TLSv1.2"))
    }

    @Test func `an acknowledged stream hears its acknowledgements`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()

        let client = try client(
            deployment, ["-ign_eof"], Array("a line\n".utf8),
            request: "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0\n")

        try await eventually("the acknowledgement; there is \(client.output)") { client.output.contains("\nACK 7\n") }
        #expect(client.output.hasPrefix("### Welcome to LogHamster server v0.1\nSTREAMID "), "\(client.output)")
        #expect(client.output.contains("\n200 OK Ready to accept data ack:1 offset:0\n"), "\(client.output)")
        #expect(deployment.scratch.contents(Self.output) == Array("a line\n".utf8))
    }

    /// Sends a request and data, then ends with the end of its input.
    private func client(
        _ deployment: Deployment, _ arguments: [String], _ bytes: [UInt8], request: String = Self.request
    ) throws -> ChildProcess {
        try ChildProcess(
            "/usr/bin/openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(deployment.port)", "-CAfile", deployment.authority.certificate,
                "-verify_return_error", "-cert", deployment.clientPair.certificate, "-key", deployment.clientPair.key,
                "-quiet", "-no_ign_eof", "-nocommands",
            ] + arguments, in: deployment.scratch, input: Array(request.utf8) + bytes)
    }
}
