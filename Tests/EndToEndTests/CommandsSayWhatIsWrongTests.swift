import Foundation
import HamsterTesting
import Testing

/// Exit codes, and errors of one line each that begin with the program's name.
struct CommandsSayWhatIsWrongTests {
    private static let programs = ["loghamsterc", "loghamsterd"]

    @Test(arguments: programs)
    func `the version names the libraries`(program: String) async throws {
        let result = try await run(program, ["--version"])

        #expect(result.code == 0)
        let pattern = try Regex("\(program) \\d+\\.\\d+\\.\\d+ \\(OpenSSL \\d.*, zlib \\d.*\\)\n")
        #expect(result.output.wholeMatch(of: pattern) != nil, "\(result.output)")
    }

    @Test(arguments: programs)
    func `help goes to standard output and names the commands and exit codes`(program: String) async throws {
        let result = try await run(program, ["--help"])

        #expect(result.code == 0 && result.errors.isEmpty)
        let words = result.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for part in ["USAGE: \(program) --config <file>", "SUBCOMMANDS: ", " check ", "78 configuration"] {
            #expect(words.contains(part), "\(part)")
        }
    }

    @Test(arguments: programs, [["--nonsense"], ["nonsense", "--config"], ["check", "--config"], []])
    func `wrong usage ends with 64`(program: String, arguments: [String]) async throws {
        let result = try await run(program, arguments)

        #expect(result.code == 64)
        expectOneError(program, result)
    }

    @Test(arguments: programs, [[], ["check"]])
    func `a configuration that is not there ends with 78`(program: String, command: [String]) async throws {
        let result = try await run(program, command + ["--config", "no-such.toml"])

        #expect(result.code == 78)
        expectOneError(program, result, "no-such.toml")
    }

    @Test(arguments: [("loghamsterc", "client.toml"), ("loghamsterd", "server.toml")])
    func `the examples are right but for the certificates, which are not here`(
        program: String, example: String
    ) async throws {
        let result = try await run(program, ["check", "--config", "\(Repository.root)/deploy/examples/\(example)"])

        #expect(result.code == 78)
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.contains("file can't be read: ") }, "\(result.errors)")
        #expect(lines.allSatisfy { $0.contains("tls.") && $0.contains(": /etc/loghamster/") }, "\(result.errors)")
    }

    @Test func `check prints what is in effect, defaults included, and connects nowhere`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let file = try deployment.writeClientConfiguration(input: "path = \"source/*\"")

        for (program, file, lines) in [
            ("loghamsterc", file, ["max_connections = 64", "close_idle = \"5m\"", "port = \(deployment.port)"]),
            (
                "loghamsterd", deployment.scratch("server.toml"),
                ["min_version = \"1.3\"", "commit_interval = \"100ms\""]
            ),
        ] {
            let check = try deployment.start(program, ["check", "--config", file])
            #expect(try await check.exitCode() == 0, "\(check.errors)")
            for line in lines { #expect(check.output.contains(line), "\(line) in \(check.output)") }
            #expect(check.errors == "")
        }
        #expect(!server.errors.contains("TLS established"))
    }

    @Test func `a server that anybody may send to as any host says so, in check and at its start`() async throws {
        let deployment = try await Deployment()
        let file = try deployment.scratch.write(
            "open.toml",
            """
            listen = "0.0.0.0:0"
            directory = "stored"
            state = "server-state"
            [tls]
            cert = "\(deployment.serverPair.certificate)"
            key = "\(deployment.serverPair.key)"
            """)
        let words = "clients need no certificate on 0.0.0.0:0: whoever reaches it can send as any host: set client_ca"

        let check = try deployment.start("loghamsterd", ["check", "--config", file])
        #expect(try await check.exitCode() == 0)
        #expect(check.errors.hasPrefix("loghamsterd: warning: \(words)"), "\(check.errors)")
        let server = try deployment.start("loghamsterd", ["--config", file])
        try await server.waitForError("listening")
        #expect(server.errors.contains("unsafe setting reason=\"\(words)"), "\(server.errors)")
    }

    @Test func `all that is wrong with a configuration is said at once`() async throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write(
            "bad.toml", "listn = \"127.0.0.1:0\"\nthreads = -1\n[tls]\nenabled = \"no\"\n[output.a]\npath = 5\n")

        let result = try await run("loghamsterd", ["--config", file], in: scratch)

        #expect(result.code == 78)
        let lines = result.errors.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("loghamsterd: \(file):") }, "\(result.errors)")
        for words in ["1: ", "did you mean 'listen'", "threads", "tls.enabled", "output.a.path"] {
            #expect(result.errors.contains(words), "\(words): \(result.errors)")
        }
    }

    @Test func `sending a file that is not there ends with 74`() async throws {
        let result = try await run(
            "loghamsterc", ["send", "--target", "127.0.0.1:1", "--insecure-plaintext", "no-such.log"])

        #expect(result.code == 74)
        expectOneError("loghamsterc", result, "no-such.log")
    }

    @Test func `sending to a port where nobody listens ends with 69`() async throws {
        let deployment = try await Deployment.plain()
        try await deployment.startPlainServer().terminate()
        let path = try deployment.scratch.write("source/a.log", "a line\n")

        let result = try await deployment.send(
            [path], target: "connect_timeout = \"500ms\"", tls: "enabled = false")

        #expect(result.exitCode == 69)
        let line = result.errors.split(separator: "\n").last ?? ""
        #expect(line.hasPrefix("loghamsterc: \(path): cannot connect to 127.0.0.1:\(deployment.port): "), "\(line)")
        #expect(line.contains("onnection refused"), "\(line)")
    }

    @Test func `a file that a running client follows is left to it by send`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let path = try deployment.scratch.write("source/a.log", "a line\n")
        let other = try deployment.scratch.write("other.log", "another line\n")
        let follower = try deployment.startClient(tls: "enabled = false")
        try await deployment.waitUntilStored("a.log", Array("a line\n".utf8))
        func send(_ path: String) async throws -> ChildProcess {
            let client = try deployment.start(
                "loghamsterc", ["send", "--config", deployment.scratch("client.toml"), path])
            try await client.exitCode()
            return client
        }

        let refused = try await send(path)
        #expect(try await refused.exitCode() == 69)
        #expect(
            refused.errors.hasPrefix(
                "loghamsterc: \(path): the running client (process \(follower.processID)) ships this file already: "),
            "\(refused.errors)")
        #expect(try await send(other).exitCode() == 0)
        try deployment.scratch.append("source/a.log", "one line more\n")
        try await deployment.waitUntilStored("a.log", Array("a line\none line more\n".utf8))
        #expect(!follower.errors.contains("taken over"), "\(follower.errors)")
        #expect(try await follower.terminate() == 0)
        #expect(try await send(path).exitCode() == 0)
    }

    private typealias Ended = (code: Int32, output: String, errors: String)

    private func run(_ program: String, _ arguments: [String], in scratch: ScratchDirectory? = nil) async throws
        -> Ended
    {
        let process = try ChildProcess(
            try Repository.program(program), arguments, in: try scratch ?? ScratchDirectory())
        return (try await process.exitCode(), process.output, process.errors)
    }

    private func expectOneError(_ program: String, _ ended: Ended, _ words: String = ": ") {
        #expect(ended.output == "")
        #expect(ended.errors.hasPrefix("\(program): ") && ended.errors.contains(words), "\(ended.errors)")
        #expect(ended.errors.hasSuffix("\n") && ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
    }

    @Test(arguments: [("may not be read", Int32(77)), ("is a directory", 74), ("is damaged", 74)])
    func `a journal that can't be used ends the server, and is named`(trouble: String, code: Int32) async throws {
        let deployment = try await Deployment.plain()
        try await deployment.startPlainServer().terminate()
        let journal = deployment.scratch("server-state/journal")
        switch trouble {
        case "is a directory":
            try FileManager.default.removeItem(atPath: journal)
            try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: false)
        case "is damaged": try deployment.scratch.write("server-state/journal", "no journal at all")
        default: chmod(journal, 0)
        }
        let program = try Repository.program("loghamsterd")
        let words = [program, "--config", deployment.scratch("server.toml")]
        // Root reads whatever the mode says, so it becomes nobody, to whom the directory belongs.
        let isDropped = code == 77 && geteuid() == 0
        for name in ["", "server-state"] where isDropped { chown(deployment.scratch(name), 65_534, 65_534) }
        let prefix = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        chmod(deployment.scratch.path, 0o755)
        if isDropped { chown(deployment.scratch("server-state/journal.lock"), 65_534, 65_534) }

        let command = (isDropped ? prefix : []) + words
        let server = try ChildProcess(command[0], Array(command.dropFirst()), in: deployment.scratch)
        #expect(try await server.exitCode() == code)
        #expect(server.errors.contains("\nloghamsterd: \(journal): "), "\(server.errors)")
    }

    @Test func `an inherited JOURNAL_STREAM doesn't make a file the journal`() async throws {
        let deployment = try await Deployment.plain()
        try await deployment.startPlainServer().terminate()

        let server = try deployment.start(
            "loghamsterd", ["--config", deployment.scratch("server.toml")], environment: ["JOURNAL_STREAM": "1:2"])
        try await server.waitForError("listening")

        #expect(!server.errors.contains("<5>"))
        #expect(server.errors.hasPrefix("20"))
    }
}
