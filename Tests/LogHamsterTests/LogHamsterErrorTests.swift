import Foundation
import HamsterTesting
import LogHamster
import Testing

/// What goes wrong is thrown as one type, whose text says what and why.
struct LogHamsterErrorTests {
    @Test(arguments: ["", ":7007", "host:", "host:0", "host:65536", "host:x", "[::1", "[::1]7007"])
    func `a malformed target is thrown at once`(target: String) async {
        await expect("expected HOST:PORT, got '\(target)'") {
            _ = try LogHamsterClient(target: target, tls: .insecurePlaintext)
        }
    }

    @Test func `a malformed host name is thrown at once`() async {
        await expect("not a host name: 'a b'") {
            _ = try LogHamsterClient(target: "127.0.0.1", tls: .insecurePlaintext, hostName: "a b")
        }
    }

    @Test func `a file that is not there`() async throws {
        let client = try LogHamsterClient(target: "127.0.0.1:1", tls: .insecurePlaintext)

        await expect("/no/such.log") { _ = try await client.sendFile("/no/such.log") }
        await expect("/no/such.log") { _ = try await client.streamFile("/no/such.log") }
        await expect("expected an absolute path, got 'app.log'") { _ = try await client.sendFile("app.log") }
    }

    @Test func `a certificate that is not there`() async throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write("app.log", "a line\n")
        let client = try LogHamsterClient(
            target: "127.0.0.1:1", tls: .mutual(ca: scratch("ca.pem"), certificate: "web1.pem", key: "web1.key"))

        await expect(".pem") { _ = try await client.sendFile(path) }
        await expect(".pem") { _ = try await client.streamFile(path) }
    }

    @Test func `a server that refuses for good`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let path = try deployment.scratch.write("source/app.log", "a line\n")
        let target = "127.0.0.1:\(deployment.port)"

        let stranger = try LogHamsterClient(target: target, tls: .server(ca: deployment.authority.certificate))
        await expect("it requires one, and we sent none") { _ = try await stranger.sendFile(path) }
        await expect("it requires one, and we sent none") { _ = try await stranger.streamFile(path) }

        let impostor = try LogHamsterClient(
            target: target,
            tls: .mutual(
                ca: deployment.authority.certificate, certificate: deployment.clientPair.certificate,
                key: deployment.clientPair.key), hostName: "db1")
        await expect("403 certificate is for 'web1', not for host 'db1'") { _ = try await impostor.sendFile(path) }
    }

    private func expect(_ words: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("expected an error with '\(words)'")
        } catch {
            #expect(error is LogHamsterError && "\(error)".contains(words), "\(error)")
        }
    }
}
