import Foundation
import HamsterTesting
import Testing

/// In good order or with its memory gone: a program that starts again goes on where it was.
struct ProgramsAreRestartedTests {
    @Test func `a client waits for a server that is not there yet`() async throws {
        let deployment = try await Deployment()
        try await deployment.startServer().terminate()
        let bytes = logText(bytes: 100_000)
        try deployment.scratch.write("source/a.log", bytes)

        let client = try deployment.startClient()
        try await client.waitForError("target unreachable")
        _ = try await deployment.startServer()

        try await deployment.waitUntilStored("a.log", bytes)
    }

    @Test(arguments: ["server", "client", "both"])
    func `a restart in the midst of the data costs and repeats nothing`(restarted: String) async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        var client = try deployment.startClient()
        var written: [UInt8] = []

        for round in 0..<4 {
            let bytes = logText(bytes: 100_000, seed: UInt64(round))
            try deployment.scratch.append("source/a.log", bytes)
            written += bytes
            if restarted != "client" {
                #expect(try await server.terminate() == 0)
                server = try await deployment.startServer()
            }
            if restarted != "server" {
                // Before that it may have no handler for the signal yet, which then ends it at once.
                try await client.waitForError("connected")
                let code = try await client.terminate()
                #expect(code == 0, "\(client.errors)")
                client = try deployment.startClient()
            }
        }

        try deployment.scratch.append("source/a.log", "the end\n")
        try await deployment.waitUntilStored("a.log", written + Array("the end\n".utf8))
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    @Test func `a client whose state is lost asks the server`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = logText(bytes: 100_000)
        try deployment.scratch.write("source/a.log", bytes)
        var client = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", bytes)
        #expect(try await client.terminate() == 0)

        try FileManager.default.removeItem(atPath: deployment.scratch("client-state"))
        try deployment.scratch.append("source/a.log", "more\n")
        client = try deployment.startClient()

        try await deployment.waitUntilStored("a.log", bytes + Array("more\n".utf8))
        #expect(try await client.terminate() == 0)
    }

    @Test func `a damaged state is reported and moved aside`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = logText(bytes: 100_000)
        try deployment.scratch.write("source/a.log", bytes)
        var client = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", bytes)
        #expect(try await client.terminate() == 0)

        var state = try #require(deployment.scratch.contents("client-state/client.state"))
        state[state.count / 2] ^= 0x55
        try deployment.scratch.write("client-state/client.state", state)
        try deployment.scratch.append("source/a.log", "more\n")
        client = try deployment.startClient()

        try await client.waitForError("state file was damaged and moved aside")
        try await deployment.waitUntilStored("a.log", bytes + Array("more\n".utf8))
        let isKept = deployment.scratch.contents("client-state/client.state.damaged") == state
        #expect(isKept)
    }

    @Test func `an output that was removed keeps what is acknowledged acknowledged`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        let path = try deployment.scratch.write("source/a.log", "first\n")
        #expect(try await deployment.send([path]).exitCode == 0)
        try await server.terminate()

        let output = "stored/web1\(path)"
        try FileManager.default.removeItem(atPath: deployment.scratch(output))
        try deployment.scratch.append("source/a.log", "second\n")
        server = try await deployment.startServer()
        #expect(try await deployment.send([path]).exitCode == 0)

        #expect(deployment.scratch.contents(output) == Array("second\n".utf8))
        #expect(server.errors.contains("output was removed or replaced"))
    }
}
