import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// Rate limits of the running server: data waits, and nothing is lost.
struct StreamsAreLimitedTests {
    @Test func `a file takes as long as its rate says, arrives whole, and the status says what it waits for`()
        async throws
    {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(extra: "[rate_limit]\nper_stream = \"256 KiB/s\"")
        let bytes = logText(bytes: 768 * 1_024)
        let path = try deployment.scratch.write("source/app.log", bytes)

        let start = ContinuousClock.now
        let client = try deployment.start(
            "loghamsterc", ["send", "--config", try deployment.writeClientConfiguration(), path])
        _ = try await deployment.statusDocument { document in
            document["streams"]?.elements.first?["throttled_by"] == .string("stream")
        }
        #expect(try await client.exitCode() == 0, "\(client.errors)")
        let elapsed = ContinuousClock.now - start
        #expect(elapsed > .seconds(2), "three seconds less what may come early, but it took \(elapsed)")
        let isSame = deployment.stored("app.log") == bytes
        #expect(isSame)
        let waited = try await deployment.statusDocument { _ in true }["throttled_milliseconds"]
        #expect(waited?["stream"] != .integer(0))
        #expect(waited?["total"] == .integer(0))
    }

    @Test func `a host that connects too often hears 429, and is served again later`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[rate_limit]\nconnections_per_second = 2")
        try await eventually("a refusal") {
            let connections = try (0..<8).map { _ in try RawConnection(port: deployment.port) }
            let lines = try await connections[7].line()
            return lines == "429 this address connects too often retry:5"
        }
        try await eventually("a welcome") {
            let connection = try RawConnection(port: deployment.port)
            return try await connection.line().hasPrefix("### ")
        }
    }

    @Test func `a flood of connections takes nothing from a stream that is open`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer(extra: "[limits]\nmax_connections = 50")
        let stream = try await RawConnection.greeted(port: deployment.port)
        try await stream.open("web1:/a.log ack:1 file:a offset:0")
        let block = logText(bytes: 50_000)

        var held: [RawConnection] = []
        for round in 1...100 {
            for _ in 0..<50 {
                let stranger = try RawConnection(port: deployment.port)
                held.append(stranger)
                if held.count > 200 { held.removeFirst() }
            }
            try await stream.send(block)
            if round.isMultiple(of: 20) { try await stream.waitForAcknowledgement(of: round * block.count) }
        }
        let document = try await deployment.statusDocument { _ in true }
        #expect(document["counters"]?["connections_refused"] != .integer(0))
        stream.finish()
        #expect(try await stream.linesUntilEnd().last == "ACK \(100 * block.count)")
    }
}
