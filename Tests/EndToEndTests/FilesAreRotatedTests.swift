import Foundation
import HamsterTesting
import Testing

/// Renamed, removed, truncated: every byte arrives once, in the order of writing.
struct FilesAreRotatedTests {
    @Test func `a file that is renamed and created anew goes on where it was`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/app.log\"")
        var written: [UInt8] = []

        for round in 1...5 {
            let bytes = logText(bytes: 40_000, seed: UInt64(round))
            try deployment.scratch.append("source/app.log", bytes)
            written += bytes
            // The rotation comes at once in the odd rounds, and after the delivery in the even ones.
            if round.isMultiple(of: 2) { try await deployment.waitUntilStored("app.log", written) }
            try await deployment.waitUntilFollowed("app.log")
            try deployment.scratch.rename("source/app.log", to: "source/app.log.\(round)")
        }

        try await deployment.waitUntilStored("app.log", written)
        #expect(try await client.terminate() == 0)
    }

    @Test func `a writer that goes on after the rename is waited for`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/app.log\"\nrotate_wait = \"10m\"")
        let writer = try OpenWriter(deployment.scratch("source/app.log"))

        try writer.append("before\n")
        try await deployment.waitUntilStored("app.log", Array("before\n".utf8))
        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")
        try deployment.scratch.append("source/app.log", "new file\n")
        try writer.append("after\n")
        try await deployment.waitUntilStored("app.log", Array("before\nafter\n".utf8))
        try writer.close()

        try await deployment.waitUntilStored("app.log", Array("before\nafter\nnew file\n".utf8))
        #expect(try await client.terminate() == 0)
    }

    @Test func `files that were rotated while the server was away come in their order`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        try await server.terminate()
        let client = try deployment.startClient(input: "path = \"source/app.log\"")
        var written: [UInt8] = []

        for round in 1...4 {
            let bytes = logText(bytes: 50_000, seed: UInt64(round))
            try deployment.scratch.append("source/app.log", bytes)
            written += bytes
            try await deployment.waitUntilFollowed("app.log")
            try deployment.scratch.rename("source/app.log", to: "source/app.log.\(round)")
        }
        server = try await deployment.startServer()

        try await deployment.waitUntilStored("app.log", written)
        #expect(try await client.terminate() == 0)
    }

    @Test func `a file that is deleted while it is unread is kept until it is acknowledged`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        try await server.terminate()
        let bytes = logText(bytes: 500_000)
        try deployment.scratch.write("source/app.log", bytes)
        let client = try deployment.startClient()
        try await deployment.waitUntilFollowed("app.log")

        try FileManager.default.removeItem(atPath: deployment.scratch("source/app.log"))
        server = try await deployment.startServer()

        try await deployment.waitUntilStored("app.log", bytes)
        let removed = deployment.scratch("source/app.log (deleted)")
        try await eventually("the removed file to be closed") { try !client.openFiles().contains(removed) }
    }

    @Test func `a truncated file is sent from its start`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient()
        var written = logText(bytes: 30_000)
        try deployment.scratch.append("source/app.log", written)
        try await deployment.waitUntilStored("app.log", written)

        for round in 2...4 {
            #expect(truncate(deployment.scratch("source/app.log"), 0) == 0)
            let bytes = logText(bytes: 10_000 * round, seed: UInt64(round))
            try deployment.scratch.append("source/app.log", bytes)
            written += bytes
            try await deployment.waitUntilStored("app.log", written)
        }

        #expect(try await client.terminate() == 0)
        #expect(client.errors.contains("file holds new content, sending from its start"))
    }

    @Test func `a file that another is moved onto is finished first`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/app.log\"")
        let first = logText(bytes: 200_000)
        let second = logText(bytes: 100_000, seed: 2)
        try deployment.scratch.write("source/app.log", first)
        try await deployment.waitUntilFollowed("app.log")

        try deployment.scratch.write("new", second)
        try deployment.scratch.rename("new", to: "source/app.log")

        try await deployment.waitUntilStored("app.log", first + second)
        #expect(try await client.terminate() == 0)
    }
}
