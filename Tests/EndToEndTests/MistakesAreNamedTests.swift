import Foundation
import HamsterTesting
import Testing

/// Mistakes that are easily made are said in one line, with the key or the word, and what to do.
struct MistakesAreNamedTests {
    @Test(arguments: ["directory", "state"])
    func `a folder that can't be made is named with its key`(key: String) async throws {
        let scratch = try ScratchDirectory()
        let other = key == "state" ? "directory" : "state"
        let file = try scratch.write(
            "server.toml",
            """
            listen = "127.0.0.1:0"
            \(key) = "/proc/nope"
            \(other) = "other"
            [tls]
            enabled = false
            """)

        let server = try await ended("loghamsterd", ["--config", file], in: scratch)

        #expect(server.code == 74)
        #expect(
            server.errors.last
                == "loghamsterd: '\(key)': the folder /proc/nope can't be made: no such file or directory: "
                + "make it, or name another that this user may make and write to")
    }

    @Test func `a client's state folder that can't be made is named with its key`() async throws {
        let options = ["--target", "127.0.0.1:1", "--insecure-plaintext", "--state", "/proc/nope", "a.log"]
        let client = try await ended("loghamsterc", options)

        #expect(client.code == 74)
        #expect(client.errors.count == 1)
        #expect(
            client.errors.first?.hasPrefix("loghamsterc: 'state': the folder /proc/nope can't be made: ") ?? false,
            "\(client.errors)")
    }

    @Test(arguments: [["sned"], ["sned", "a.log"], ["chekc", "--config", "client.toml"]])
    func `a misspelt command is no file`(arguments: [String]) async throws {
        let client = try await ended("loghamsterc", arguments)

        #expect(client.code == 64)
        let command = arguments[0] == "sned" ? "send" : "check"
        #expect(
            client.errors == [
                "loghamsterc: there is neither a command nor a file '\(arguments[0])' (did you mean '\(command)'?): "
                    + "see loghamsterc --help"
            ])
    }

    @Test(arguments: ["loghamsterc", "loghamsterd"])
    func `a folder in place of a configuration is named once`(program: String) async throws {
        let scratch = try ScratchDirectory()
        let folder = scratch("pki")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)

        let check = try await ended(program, ["check", "--config", folder], in: scratch)

        #expect(check.code == 78)
        #expect(check.errors == ["\(program): \(folder): can't be read: is a directory, not a regular file"])
    }

    @Test func `an address whose name is not found is said without a library's words`() async throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write(
            "server.toml",
            "listen = \"no-such-host.invalid:0\"\ndirectory = \"d\"\nstate = \"s\"\ntls = { enabled = false }\n")

        let server = try await ended("loghamsterd", ["--config", file], in: scratch)

        #expect(server.code == 69)
        let line = try #require(server.errors.last)
        #expect(
            line.hasPrefix("loghamsterd: cannot listen on no-such-host.invalid:0: host name not found: "), "\(line)")
        #expect(line.hasSuffix(": check 'listen'") && !line.contains("Error"), "\(line)")
    }

    @Test func `an input that can't match anything yet is told of once`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let client = try deployment.startClient(
            tls: "enabled = false",
            input: """
                name = "misspelt"
                path = "sorce/*.log"
                [[input]]
                name = "right"
                path = ["source/*.log", "later/*.log"]
                """)

        try await client.waitForError("nothing matches an input yet")
        try deployment.scratch.write("source/a.log", "a line\n")
        try await deployment.waitUntilStored("a.log", Array("a line\n".utf8))
        #expect(client.errors.ranges(of: "nothing matches an input yet").count == 1, "\(client.errors)")
        #expect(
            client.errors.contains("input=misspelt reason=\"\(deployment.scratch("sorce")) does not exist\""),
            "\(client.errors)")
        #expect(try await client.terminate() == 0)
    }

    private func ended(
        _ program: String, _ arguments: [String], in scratch: ScratchDirectory? = nil
    ) async throws -> (code: Int32, errors: [String]) {
        let process = try ChildProcess(
            try Repository.program(program), arguments, in: try scratch ?? ScratchDirectory())
        return (try await process.exitCode(), process.errors.split(separator: "\n").map(String.init))
    }
}
