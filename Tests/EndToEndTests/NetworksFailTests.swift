import Foundation
import HamsterTesting
import Testing

/// A network that cuts, resets, stalls, trickles and swallows, in the midst of handshakes, requests and data.
struct NetworksFailTests {
    private static let files = (1...6).map { "\($0).log" }

    @Test(arguments: Seeds.upTo(3), [false, true])
    func `a stream over a bad network arrives as it was written`(seed: UInt64, isCompressed: Bool) async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let proxy = try FaultyProxy(to: deployment.port) { Self.fault(connection: $0, seed: seed) }
        let client = try deployment.startClient(target: "port = \(proxy.port)\ncompress = \(isCompressed)")
        var generator = SeededGenerator(seed: seed)
        var written: [String: [UInt8]] = [:]
        func grow() throws {
            for name in Self.files {
                let piece = logText(bytes: generator.int(1...15_000), seed: generator.next())
                try deployment.scratch.append("source/\(name)", piece)
                written[name, default: []] += piece
            }
        }

        for _ in 0..<40 {
            try grow()
            let count = generator.int(0...3)
            let connections = proxy.connectionCount
            _ = try? await eventually("connections", timeout: .milliseconds(100)) {
                proxy.connectionCount >= connections + count
            }
        }
        // A slow machine has met few of them so far: they come with the bytes.
        try await eventually("three faults of seed \(seed); \(proxy.connectionCount) connections") {
            guard proxy.faultCount < 3 else { return true }
            try grow()
            return false
        }
        proxy.heal()

        // A stalled stream is left after 90 s, and the next attempt may wait for 30 more.
        for name in Self.files {
            try await deployment.waitUntilStored(name, written[name] ?? [], timeout: .seconds(300))
        }
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    /// Of the first bytes (handshake, INIT) and of the data, about as often.
    private static func fault(connection: Int, seed: UInt64) -> FaultyProxy.Fault? {
        var generator = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(connection))
        let kind = generator.pick([FaultyProxy.Fault.Kind.cut, .cut, .reset, .reset, .stall, .trickle])
        let afterBytes = generator.bool() ? generator.int(0...6_000) : generator.int(6_000...150_000)
        return FaultyProxy.Fault(kind, afterBytes: afterBytes)
    }
}
