import Foundation
import HamsterTesting
import Testing

/// A program doesn't start with a certificate or key that can't work; a peer's expired one is refused.
struct ExpiredCertificatesAreRefusedTests {
    private static let past = ["--not-before", "20240101000000Z", "--not-after", "20250101000000Z"]

    @Test func `a server with an expired certificate does not start`() async throws {
        let deployment = try await Deployment()
        let pair = try await deployment.authority.server("127.0.0.1", arguments: Self.past)

        let server = try deployment.runServer(pair: pair)

        #expect(try await server.exitCode() == 78)
        #expect(server.errors.contains(": tls.cert: \(pair.certificate): "), "\(server.errors)")
        #expect(server.errors.contains("expired at 2025-01-01"), "\(server.errors)")
    }

    @Test func `a client with an expired certificate does not start`() async throws {
        let deployment = try await Deployment()
        let pair = try await deployment.authority.client("web2", arguments: Self.past)
        let path = try deployment.scratch.write("source/a.log", "a line\n")

        let result = try await deployment.send([path], tls: deployment.trust(as: pair))

        #expect(result.exitCode == 78)
        #expect(result.errors.contains(": target.tls.cert: \(pair.certificate): "), "\(result.errors)")
        #expect(result.errors.contains("expired at 2025-01-01"), "\(result.errors)")
    }

    @Test func `a server refuses a client whose certificate has expired`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let pair = try await deployment.authority.client("web2", arguments: Self.past)

        let stranger = try ChildProcess(
            "/usr/bin/openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(deployment.port)", "-CAfile", deployment.authority.certificate,
                "-cert", pair.certificate, "-key", pair.key, "-ign_eof",
            ], in: deployment.scratch)

        try await server.waitForError("certificate of 'CN=web2' expired at 2025-01-01")
        try await stranger.exitCode()
        #expect(stranger.errors.contains("certificate expired"), "\(stranger.errors)")
    }

    @Test func `a client refuses a server whose certificate has expired`() async throws {
        let deployment = try await Deployment()
        let pair = try await deployment.authority.server("127.0.0.1", arguments: Self.past)
        let stranger = try ChildProcess(
            "/usr/bin/openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-www"],
            in: deployment.scratch)
        var port = ""
        try await eventually("the port of openssl s_server; it said \(stranger.output)") {
            port =
                stranger.output.split(separator: "\n").first { $0.hasPrefix("ACCEPT 127.0.0.1:") }?
                .split(separator: ":").last.map(String.init) ?? ""
            return !port.isEmpty
        }
        let path = try deployment.scratch.write("source/a.log", "a line\n")
        let file = try deployment.writeClientConfiguration()

        let client = try deployment.start(
            "loghamsterc", ["send", "--config", file, "--target", "127.0.0.1:\(port)", path])

        #expect(try await client.exitCode() == 69)
        #expect(client.errors.contains("certificate of 'CN=127.0.0.1' expired at 2025-01-01"), "\(client.errors)")
    }

    @Test(arguments: ["loghamsterc", "loghamsterd"])
    func `a key that others can read is refused, with the command that mends it`(program: String) async throws {
        let deployment = try await Deployment()
        let pair = program == "loghamsterd" ? deployment.serverPair : deployment.clientPair
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: pair.key)
        let path = try deployment.scratch.write("source/a.log", "a line\n")

        let process =
            program == "loghamsterd"
            ? try deployment.runServer()
            : try deployment.start(program, ["send", "--config", deployment.writeClientConfiguration(), path])

        #expect(try await process.exitCode() == 78)
        #expect(process.errors.hasPrefix("\(program): "), "\(process.errors)")
        #expect(process.errors.contains("tls.key: \(pair.key): "), "\(process.errors)")
        #expect(process.errors.contains("chmod"), "\(process.errors)")
    }

    @Test func `a key of another certificate is refused`() async throws {
        let deployment = try await Deployment()
        let pair = CertificateAuthority.Pair(
            certificate: deployment.serverPair.certificate, key: deployment.clientPair.key)

        let server = try deployment.runServer(pair: pair)

        #expect(try await server.exitCode() == 78)
        #expect(server.errors.split(separator: "\n").count == 1, "\(server.errors)")
        #expect(server.errors.contains(pair.key), "\(server.errors)")
    }
}
