import Foundation
import HamsterTesting
import LogHamster
import Testing

/// The library as a program uses it, against the real server.
struct LogHamsterClientTests {
    @Test func `sendFile copies a file over mutual TLS and returns its size`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = logText(bytes: 300_000)
        let path = try deployment.scratch.write("source/app.log", bytes)

        let client = try mutualClient(deployment)
        let copied = try await client.sendFile(path)

        #expect(copied == 300_000)
        let isSame = deployment.stored("app.log") == bytes
        #expect(isSame)
        // Again it sends what is new, which is nothing.
        #expect(try await client.sendFile(path) == 300_000)
        let isStillSame = deployment.stored("app.log") == bytes
        #expect(isStillSame)
    }

    @Test func `sendFile copies a file in plain text`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 100_000)
        let path = try deployment.scratch.write("source/app.log", bytes)

        let client = try LogHamsterClient(
            target: "127.0.0.1:\(deployment.port)", tls: .insecurePlaintext, hostName: "web1")

        #expect(try await client.sendFile(path) == 100_000)
        let isSame = deployment.stored("app.log") == bytes
        #expect(isSame)
        #expect(try await client.sendFile(try deployment.scratch.write("source/empty.log", "")) == 0)
        #expect(deployment.stored("empty.log") == [])
    }

    @Test func `several files are sent at the same time by one client`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try mutualClient(deployment)
        let paths = try (0..<5).map {
            try deployment.scratch.write("source/\($0).log", logText(bytes: 10_000 + $0, seed: UInt64($0)))
        }

        let sum = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for path in paths { group.addTask { try await client.sendFile(path) } }
            return try await group.reduce(0, +)
        }

        #expect(sum == 50_010)
        for number in 0..<5 {
            let isSame = deployment.stored("\(number).log") == logText(bytes: 10_000 + number, seed: UInt64(number))
            #expect(isSame)
        }
    }

    @Test func `streamFile follows a file until it is rotated, and returns its bytes`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.append("source/app.log", "first\n")
        let path = deployment.scratch("source/app.log")
        let client = try mutualClient(deployment)

        async let sent = client.streamFile(path)
        try await deployment.waitUntilStored("app.log", Array("first\n".utf8))
        try deployment.scratch.append("source/app.log", "second\n")
        try await deployment.waitUntilStored("app.log", Array("first\nsecond\n".utf8))
        try deployment.scratch.append("source/app.log", "third\n")
        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")

        #expect(try await sent == 19)
        #expect(deployment.stored("app.log") == Array("first\nsecond\nthird\n".utf8))
    }

    @Test func `streamFile returns what is acknowledged when its task is cancelled`() async throws {
        let deployment = try await Deployment()
        // An end waits 5 seconds for the last acknowledgement, and a busy disk's syncs may take longer.
        _ = try await deployment.startServer(extra: "[durability]\nsync = \"os\"")
        let bytes = logText(bytes: 50_000)
        let path = try deployment.scratch.write("source/app.log", bytes)
        let client = try mutualClient(deployment)

        let task = Task { try await client.streamFile(path) }
        try await deployment.waitUntilStored("app.log", bytes)
        task.cancel()

        #expect(try await task.value == 50_000)
    }

    @Test func `streamFile goes on after the server was killed`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let bytes = logText(bytes: 50_000)
        let path = try deployment.scratch.write("source/app.log", bytes)
        let client = try mutualClient(deployment)

        let task = Task { try await client.streamFile(path) }
        try await deployment.waitUntilStored("app.log", bytes)
        try await server.killNow()
        try deployment.scratch.append("source/app.log", "more\n")
        _ = try await deployment.startServer()
        try await deployment.waitUntilStored("app.log", bytes + Array("more\n".utf8))
        task.cancel()

        #expect(try await task.value == 50_005)
    }

    private func mutualClient(_ deployment: Deployment) throws -> LogHamsterClient {
        try LogHamsterClient(
            target: "127.0.0.1:\(deployment.port)",
            tls: .mutual(
                ca: deployment.authority.certificate, certificate: deployment.clientPair.certificate,
                key: deployment.clientPair.key),
            hostName: deployment.host)
    }
}
