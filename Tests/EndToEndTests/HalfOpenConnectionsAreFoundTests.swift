import Foundation
import HamsterTesting
import Testing

/// A peer that says nothing any more, without an end of the connection: the missing heartbeat tells after 45 seconds.
struct HalfOpenConnectionsAreFoundTests {
    private static let kinds: [FaultyProxy.Fault.Kind] = [.swallow, .swallowFromServer, .swallow]

    /// Both at once, since both wait.
    @Test(.timeLimit(.minutes(10)))
    func `connections that swallow, and a server that is stopped, cost and repeat nothing`() async throws {
        let network = try await Deployment()
        _ = try await network.startServer()
        let proxy = try FaultyProxy(to: network.port) { number in
            number < Self.kinds.count ? FaultyProxy.Fault(Self.kinds[number], afterBytes: 40_000) : nil
        }
        let stopping = try await Deployment()
        let stoppedServer = try await stopping.startServer()
        let client = try network.startClient(target: "port = \(proxy.port)")
        let otherClient = try stopping.startClient()
        let first = logText(bytes: 100_000)
        for number in 1...3 { try network.scratch.append("source/\(number).log", first) }
        try stopping.scratch.append("source/1.log", first)
        try await stopping.waitUntilStored("1.log", first)
        stoppedServer.send(signal: SIGSTOP)

        let more = logText(bytes: 300_000, seed: 2)
        try stopping.scratch.append("source/1.log", more)
        for number in 1...3 { try network.scratch.append("source/\(number).log", more) }
        try await otherClient.waitForError("was silent for")
        stoppedServer.send(signal: SIGCONT)
        try stopping.scratch.append("source/1.log", first)

        try await stopping.waitUntilStored("1.log", first + more + first)
        for number in 1...3 { try await network.waitUntilStored("\(number).log", first + more) }
        #expect(proxy.connectionCount > Self.kinds.count)
        #expect(try await client.terminate() == 0)
        #expect(try await otherClient.terminate() == 0)
        #expect(try await stoppedServer.terminate() == 0)
    }
}
