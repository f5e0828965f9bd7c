import Foundation
import HamsterTesting
import Testing

/// `kill -9` of either side while a file grows: nothing is lost, nothing comes twice.
struct ProgramsAreKilledWhileDataFlowsTests {
    @Test(arguments: ["server", "client"])
    func `killing either side again and again loses and repeats nothing`(victim: String) async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        var client = try deployment.startClient()
        var written: [UInt8] = []

        for round in 0..<8 {
            // About 5 MB/s in pieces, with a kill somewhere in between.
            for piece in 0..<20 {
                let bytes = logText(bytes: 50_000, seed: UInt64(round * 100 + piece))
                try deployment.scratch.append("source/app.log", bytes)
                written += bytes
                try await eventually("the next piece's time", timeout: .seconds(1)) { true }
                if piece == 10 { try await kill(victim, deployment, &server, &client) }
            }
        }

        try await deployment.waitUntilStored("app.log", written)
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    private func kill(
        _ victim: String, _ deployment: Deployment, _ server: inout ChildProcess, _ client: inout ChildProcess
    ) async throws {
        if victim == "server" {
            try await server.killNow()
            server = try await deployment.startServer()
        } else {
            try await client.killNow()
            client = try deployment.startClient()
        }
    }
}
