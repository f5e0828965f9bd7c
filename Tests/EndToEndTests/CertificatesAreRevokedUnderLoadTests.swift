import Foundation
import HamsterTesting
import Testing

/// One of two hosts is revoked while both write, and gets another certificate later.
struct CertificatesAreRevokedUnderLoadTests {
    @Test func `the other host notices nothing, and the revoked one goes on where it was with a new certificate`()
        async throws
    {
        let deployment = try await Deployment()
        let server = try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\ncrl = \"\(deployment.authority.revocations)\"")
        let client = try deployment.startClient(input: "path = \"source/a.log\"")
        let other = try await startOther(deployment)
        let writers = try ["a.log", "b.log"].enumerated().map { number, name in
            try SteadyWriter(deployment.scratch("source/\(name)"), seed: UInt64(number))
        }
        try await eventually("both to ship") {
            deployment.storedSize("a.log") > 100_000 && stored(deployment) > 100_000
        }

        try await deployment.authority.revoke("web1")
        try await client.waitForError("the server refused our certificate: certificate revoked")
        let (before, byOther) = (deployment.storedSize("a.log"), stored(deployment))
        try await eventually("the other host to go on") { stored(deployment) > byOther + 200_000 }
        #expect(deployment.storedSize("a.log") == before)

        let pair = try await deployment.authority.client("web1", arguments: ["--force"])
        #expect(pair.certificate == deployment.clientPair.certificate)
        try await eventually("the host with its new certificate") { deployment.storedSize("a.log") > before + 100_000 }
        for writer in writers { _ = try await writer.stop() }
        try await deployment.waitUntilStored("a.log", writers[0].written)
        try await eventually("all of the other host's bytes") {
            deployment.stored("b.log", host: "db1") == writers[1].written
        }
        #expect(!other.errors.contains("opened again"))
        #expect(try await server.terminate() == 0)
    }

    private func startOther(_ deployment: Deployment) async throws -> ChildProcess {
        let pair = try await deployment.authority.client("db1")
        let configuration = try String(contentsOfFile: deployment.scratch("client.toml"), encoding: .utf8)
            .replacing("\"web1\"", with: "\"db1\"").replacing("client-state", with: "other-state")
            .replacing("a.log", with: "b.log").replacing(deployment.clientPair.certificate, with: pair.certificate)
            .replacing(deployment.clientPair.key, with: pair.key)
        return try deployment.start(
            "loghamsterc", ["--config", deployment.scratch.write("other.toml", configuration)])
    }

    private func stored(_ deployment: Deployment) -> Int { deployment.stored("b.log", host: "db1")?.count ?? 0 }
}
