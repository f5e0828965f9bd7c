import HamsterTesting
import LogHamster
import Testing

struct LogHamsterClientTests {
    @Test func `a file is sent over mutual TLS and its bytes are counted`() async throws {
        let deployment = try await Deployment()
        let bytes = logText(bytes: 200_000)
        let path = try deployment.scratch.write("source/a.log", bytes)
        _ = try await deployment.startServer()

        let copied = try await client(deployment).sendFile(path)

        #expect(copied == 200_000)
        let isSame = deployment.stored("a.log") == bytes
        #expect(isSame)
    }

    @Test func `a followed file returns when it was rotated and is delivered`() async throws {
        let deployment = try await Deployment()
        let path = try deployment.scratch.write("source/a.log", "one\n")
        _ = try await deployment.startServer()

        let client = try client(deployment)
        async let streamed = client.streamFile(path)
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))
        try deployment.scratch.append("source/a.log", "two\n")
        try deployment.scratch.rename("source/a.log", to: "source/a.log.1")

        #expect(try await streamed == 8)
        #expect(deployment.stored("a.log") == Array("one\ntwo\n".utf8))
    }

    @Test func `cancelling a followed file returns what is acknowledged`() async throws {
        let deployment = try await Deployment()
        let path = try deployment.scratch.write("source/a.log", "one\n")
        _ = try await deployment.startServer()

        let client = try client(deployment)
        let following = Task { try await client.streamFile(path) }
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))
        following.cancel()

        #expect(try await following.value == 4)
    }

    @Test func `a file that is not there is an error that names it`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()

        let (client, path) = (try client(deployment), deployment.scratch("missing.log"))
        let error = await #expect(throws: LogHamsterError.self) { try await client.sendFile(path) }

        #expect(error?.description.contains("missing.log") == true)
    }

    @Test(arguments: ["", "host:port", "host:0", "[::1"])
    func `a malformed target is refused`(target: String) {
        #expect(throws: LogHamsterError.self) { try LogHamsterClient(target: target, tls: .server()) }
    }

    private func client(_ deployment: Deployment) throws -> LogHamsterClient {
        try LogHamsterClient(
            target: "localhost:\(deployment.port)",
            tls: .mutual(
                ca: deployment.authority.certificate, certificate: deployment.clientPair.certificate,
                key: deployment.clientPair.key),
            hostName: deployment.host)
    }
}
