import Foundation
import HamsterTesting
import Testing

/// Certificates and keys that can't be used are errors of the configuration, in both programs.
struct CredentialsAreCheckedTests {
    @Test(arguments: [["check"], []])
    func `all files that are missing are named with their lines, beside a misspelt key`(command: [String]) async throws
    {
        let scratch = try ScratchDirectory()
        let server = try scratch.write(
            "server.toml",
            """
            lisen = "127.0.0.1:0"
            [tls]
            cert = "s.pem"
            key = "s.key"
            client_ca = "ca.pem"
            crl = "crl.pem"
            [prometheus]
            enabled = true
            [prometheus.tls]
            cert = "m.pem"
            key = "m.key"
            """)
        let client = try scratch.write(
            "client.toml",
            """
            [target]
            hostname = "localhost"
            prt = 7007
            [target.tls]
            ca = "ca.pem"
            cert = "c.pem"
            key = "c.key"
            [[input]]
            path = "a.log"
            """)

        let ofServer = try await problems("loghamsterd", command + ["--config", server], in: scratch)
        #expect(
            ofServer == [
                "\(server):1: lisen", "\(server):3: tls.cert", "\(server):4: tls.key", "\(server):5: tls.client_ca",
                "\(server):6: tls.crl", "\(server):10: prometheus.tls.cert", "\(server):11: prometheus.tls.key",
            ])
        let ofClient = try await problems("loghamsterc", command + ["--config", client], in: scratch)
        #expect(
            ofClient == [
                "\(client):3: target.prt", "\(client):5: target.tls.ca", "\(client):6: target.tls.cert",
                "\(client):7: target.tls.key",
            ])
    }

    @Test func `a missing file of an option is named with the option`() async throws {
        let scratch = try ScratchDirectory()
        let options = ["--target", "localhost:1", "--ca", "no-such.pem", "a.log"]

        #expect(try await problems("loghamsterc", options, in: scratch) == ["--ca: target.tls.ca"])
        #expect(try await problems("loghamsterc", ["send"] + options, in: scratch) == ["--ca: target.tls.ca"])
    }

    @Test(arguments: [["check"], []])
    func `a certificate for the other end of a connection is no certificate of ours`(command: [String]) async throws {
        let deployment = try await Deployment()
        let scratch = deployment.scratch
        let server = try deployment.writeServerConfiguration(pair: deployment.clientPair)
        let client = try deployment.writeClientConfiguration(
            tls: deployment.trust(as: deployment.serverPair), input: "path = \"source/*\"")

        for (program, file, words) in [
            (
                "loghamsterd", server,
                "certificate of 'CN=web1' may not be used as a TLS server (its extended key usage is clientAuth); "
                    + "issue one with serverAuth"
            ),
            (
                "loghamsterc", client,
                "certificate of 'CN=localhost' may not be used as a TLS client (its extended key usage is serverAuth); "
                    + "issue one with clientAuth"
            ),
        ] {
            let process = try ChildProcess(
                try Repository.program(program), command + ["--config", file], in: scratch)
            #expect(try await process.exitCode() == 78)
            #expect(process.errors.contains("tls.cert: ") && process.errors.contains(words), "\(process.errors)")
        }
    }

    /// Where each problem is, without what it is. The program has to end with 78.
    private func problems(
        _ program: String, _ arguments: [String], in scratch: ScratchDirectory
    ) async throws -> [String] {
        let process = try ChildProcess(try Repository.program(program), arguments, in: scratch)
        #expect(try await process.exitCode() == 78)
        return process.errors.split(separator: "\n").map { line in
            line.split(separator: ": ").dropFirst().prefix(2).joined(separator: ": ")
        }
    }
}
