import Foundation
import HamsterTesting
import Testing

/// SIGSTOP, as a laptop's lid or a hypervisor does it: what was sent meanwhile waits, and comes once.
struct ProgramsAreStoppedAndContinuedTests {
    @Test(arguments: ["server", "client", "both"])
    func `a stopped side goes on where it was`(stopped: String) async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient()
        let writer = try SteadyWriter(deployment.scratch("source/app.log"), seed: 4)
        let victims = stopped == "both" ? [server, client] : stopped == "server" ? [server] : [client]

        for _ in 0..<3 {
            try await writer.write(atLeast: 100_000)
            for victim in victims { victim.send(signal: SIGSTOP) }
            try await writer.write(atLeast: 300_000)
            for victim in victims { victim.send(signal: SIGCONT) }
        }

        try await deployment.waitUntilStored("app.log", try await writer.stop())
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    @Test func `a file that is rotated while the client is stopped is finished first`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/app.log\"")
        var written = logText(bytes: 100_000)
        try deployment.scratch.append("source/app.log", written)
        try await deployment.waitUntilStored("app.log", written)

        for round in 1...4 {
            client.send(signal: SIGSTOP)
            for part in 1...2 {
                let bytes = logText(bytes: 50_000, seed: UInt64(round * 10 + part))
                try deployment.scratch.append("source/app.log", bytes)
                written += bytes
                try deployment.scratch.waitUntilOlder("source/app.log")
                try deployment.scratch.rename("source/app.log", to: "source/app.log.\(round * 2 + part)")
            }
            client.send(signal: SIGCONT)
        }

        try await deployment.waitUntilStored("app.log", written)
        #expect(try await client.terminate() == 0)
    }

    @Test(arguments: Seeds.upTo(2))
    func `a stopped server that meets the client's second connection takes each byte once`(seed: UInt64) async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        // Each connection ends after a while, also when the server doesn't see it: its next one waits in the kernel.
        let proxy = try FaultyProxy(to: deployment.port) { number in
            var generator = SeededGenerator(seed: seed &* 1_000 &+ UInt64(number))
            return FaultyProxy.Fault(generator.pick([.cut, .reset]), afterBytes: generator.int(20_000...200_000))
        }
        let client = try deployment.startClient(target: "port = \(proxy.port)")
        let writer = try SteadyWriter(deployment.scratch("source/app.log"), seed: seed)

        for _ in 0..<4 {
            try await writer.write(atLeast: 50_000)
            server.send(signal: SIGSTOP)
            let connections = proxy.connectionCount
            try await writer.write(atLeast: 300_000)
            _ = try? await eventually("a second connection", timeout: .seconds(1)) {
                proxy.connectionCount > connections
            }
            server.send(signal: SIGCONT)
        }
        proxy.heal()

        try await deployment.waitUntilStored("app.log", try await writer.stop())
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }
}
