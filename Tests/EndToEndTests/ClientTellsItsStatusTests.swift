import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// `loghamsterc status` and `explain`: what the running client says of its files.
struct ClientTellsItsStatusTests {
    private let text = logText(bytes: 50_000)

    @Test func `files are shown with what is acknowledged, as a table and as JSON`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.write("source/app.log", text)
        let client = try deployment.startClient()
        try await deployment.waitUntilStored("app.log", text)
        let document = try await deployment.clientStatus { document in
            document["files"]?.elements.first?["acknowledged"] == .integer(text.count)
        }

        let file = try #require(document["files"]?.elements.first)
        #expect(file["path"] == .string(deployment.scratch("source/app.log")))
        #expect(file["location"] == file["path"])
        #expect(file["size"] == .integer(text.count))
        #expect(file["lag_bytes"] == .integer(0))
        #expect(file["last_error"] == .null && file["deleted"] == .bool(false) && file["rotated"] == .bool(false))
        #expect(document["counters"]?["acknowledged_bytes"] == .integer(text.count))
        #expect(document["pid"] == .integer(Int(client.processID)))
        let table = try await deployment.askClient("status").output
        #expect(table.contains("\(text.count)  \(text.count)         0    \(deployment.scratch("source/app.log"))"))
        let socket = try FileManager.default.attributesOfItem(atPath: deployment.scratch("client-state/status.socket"))
        #expect((socket[.posixPermissions] as? Int) == 0o660)
    }

    @Test func `bytes count as acknowledged since the start, and each file as found and delivered once`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let input = "path = \"source/app.log\"\nrotate_wait = \"1m\""
        try deployment.scratch.write("source/app.log", text)
        let first = try deployment.startClient(input: input)
        try await deployment.waitUntilStored("app.log", text)
        #expect(try await first.terminate() == 0)

        let client = try deployment.startClient(input: input)
        var written = text
        for round in 1...4 {
            let line = Array("round \(round)\n".utf8)
            try deployment.scratch.append("source/app.log", line)
            written += line
            try await deployment.waitUntilStored("app.log", written)
            try deployment.scratch.rename("source/app.log", to: "source/app.log.\(round)")
            try await client.waitForError("file delivered", times: round)
        }
        let document = try await deployment.clientStatus { $0["counters"]?["files_delivered"] == .integer(4) }

        #expect(document["counters"]?["files_found"] == .integer(4))
        #expect(document["counters"]?["acknowledged_bytes"] == .integer(written.count - text.count))
        #expect(client.errors.ranges(of: "file delivered").count == 4, "\(client.errors)")
    }

    @Test func `without a server the reason is named, and a deleted file is held`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try await server.terminate()
        try deployment.scratch.write("source/app.log", text)
        _ = try deployment.startClient()
        try await deployment.waitUntilFollowed("app.log")
        try FileManager.default.removeItem(atPath: deployment.scratch("source/app.log"))
        let document = try await deployment.clientStatus { document in
            let file = document["files"]?.elements.first
            return file?["deleted"] == .bool(true) && file?["last_error"] != .null
        }

        let file = try #require(document["files"]?.elements.first)
        #expect(file["lag_bytes"] == .integer(text.count))
        #expect(file["last_error"]?.text.contains("connection refused") ?? false)
        #expect(try await deployment.askClient("status").output.contains("(deleted)"))
    }

    @Test func `without a client it is one line and 69`() async throws {
        let deployment = try await Deployment.plain()
        _ = try deployment.writeClientConfiguration(tls: "enabled = false", input: "path = \"source/*.log\"")
        let result = try await deployment.askClient("status")

        #expect(result.exitCode == 69)
        #expect(
            result.errors.hasPrefix("loghamsterc: \(deployment.scratch("client-state/status.socket")): nobody answers"))
    }

    @Test(arguments: [
        ("missing.log", "there is no such file"), ("directory.log", "it is not a regular file"),
        ("app.txt", "no input's path matches it"), ("old.log", "input[0] leaves it out by exclude = \"old*\""),
        ("ancient.log", "not modified for longer than ignore_older"), ("app.log", "the client is not running"),
    ])
    func `what keeps a file from being shipped is said, with exit code 1`(name: String, reason: String) async throws {
        let deployment = try await Deployment.plain()
        let input = "path = \"source/*.log\"\nexclude = \"old*\"\nignore_older = \"1d\""
        _ = try deployment.writeClientConfiguration(tls: "enabled = false", input: input)
        for name in ["app.txt", "old.log", "ancient.log", "app.log"] {
            try deployment.scratch.write("source/\(name)", "text")
        }
        try deployment.scratch.write("source/directory.log/file", "")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -100_000)],
            ofItemAtPath: deployment.scratch("source/ancient.log"))
        let path = deployment.scratch("source/\(name)")
        let result = try await deployment.askClient("explain", path)

        #expect(result.exitCode == 1)
        #expect(result.output.hasPrefix("\(path): not shipped: \(reason)"), "\(result.output)")
        #expect(result.errors == "")
        let json = try await deployment.askClient("explain", "--json", path)
        let document = JSON(parsing: Array(json.output.utf8))
        #expect(document?["shipped"] == .bool(false))
        #expect(document?["obstacle"]?.text.contains(reason) ?? false)
    }

    @Test func `a file that is shipped is said to be, with its input and its state`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.write("source/app.log", text)
        _ = try deployment.startClient(input: "path = \"source/*.log\"\nname = \"app\"")
        try await deployment.waitUntilStored("app.log", text)
        let path = deployment.scratch("source/app.log")
        let result = try await awaited("an acknowledgement in the state file") {
            let result = try await deployment.askClient("explain", path)
            return result.output.contains("acknowledged  \(text.count)\n") ? result : nil
        }

        #expect(result.exitCode == 0, "\(result.output)")
        #expect(result.output.hasPrefix("\(path): shipped\n"))
        #expect(result.output.contains("input         input[0] (app)\n"))
        #expect(result.output.contains("size          \(text.count)\n"))
        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")
        let rotated = try await deployment.askClient("explain", path + ".1")
        #expect(rotated.exitCode == 0 && rotated.output.contains("sent as       \(path)\n"), "\(rotated.output)")
    }
}

extension Deployment {
    func askClient(
        _ command: String, _ arguments: String...
    ) async throws -> (exitCode: Int32, output: String, errors: String) {
        let process = try start("loghamsterc", [command, "--config", scratch("client.toml")] + arguments)
        return (try await process.exitCode(), process.output, process.errors)
    }

    /// The status document, as soon as it is as expected.
    func clientStatus(_ isExpected: (JSON) -> Bool) async throws -> JSON {
        try await awaited("a status as expected") {
            let result = try await askClient("status", "--json")
            guard let document = JSON(parsing: Array(result.output.utf8)) else { return nil }
            return isExpected(document) ? document : nil
        }
    }
}
