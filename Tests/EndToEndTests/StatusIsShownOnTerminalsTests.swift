import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// `status` for somebody who looks: colours, sizes with units, lines that fit, and a picture that follows.
struct StatusIsShownOnTerminalsTests {
    private enum Sequence {
        static let enter = "\u{1B}[?1049h"
        static let leave = "\u{1B}[?25h\u{1B}[?1049l"
        static let heading = "\u{1B}[1m"
        static let good = "\u{1B}[32m"
        static let error = "\u{1B}[31m"
    }

    private let text = logText(bytes: 100_000)
    private let name = String(repeating: "long", count: 30) + ".log"

    @Test func `a terminal gets a coloured table with units that fits it`() async throws {
        let (deployment, _) = try await shipping()
        for program in ["loghamsterc", "loghamsterd"] {
            let terminal = try show(program, deployment, columns: 70)
            #expect(try await terminal.process.exitCode() == 0, "\(terminal.output)")

            #expect(terminal.output.contains(Sequence.heading) && terminal.output.contains(/…[long]*\.log/))
            #expect(terminal.output.contains("97.7 KiB"))
            #expect(terminal.lines.allSatisfy { $0.count <= 70 }, "\(terminal.output)")
            #expect(!terminal.output.contains("LAST ERROR"))
        }
        #expect(try await finished("loghamsterc", deployment).contains("\(Sequence.good)streaming"))
    }

    @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"], ["TERM": ""]])
    func `without colours there is no escape sequence at all`(environment: [String: String]) async throws {
        let (deployment, _) = try await shipping()
        for program in ["loghamsterc", "loghamsterd"] {
            let output = try await finished(program, deployment, environment: environment)
            #expect(output.contains("97.7 KiB") && !output.contains("\u{1B}"), "\(output)")
        }
    }

    @Test func `a stranger's names can't drive a terminal that shows colours`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/a%0Aforged%1B[2J%C2%9B31m.log ack:1 file:f offset:0")
        let output = try await finished("loghamsterd", deployment, columns: 300)

        #expect(output.contains(#"web1:/a\u{a}forged\u{1b}[2J\u{9b}31m.log"#), "\(output)")
        #expect(!output.contains("\u{1B}[2J") && !output.contains("\u{9B}"))
    }

    @Test(arguments: ["loghamsterc", "loghamsterd"])
    func `--watch follows, fits a window that is made smaller, and leaves the terminal as it was`(
        program: String
    ) async throws {
        let (deployment, _) = try await shipping()
        let terminal = try show(program, deployment, ["--watch", "0.1"], columns: 100)
        try await eventually("a picture") { terminal.output.contains("97.7 KiB") }
        #expect(terminal.output.hasPrefix(Sequence.enter))
        try deployment.scratch.append("source/\(name)", logText(bytes: 100_000))
        try await eventually("the next one; \(terminal.output.suffix(2_000))") { terminal.output.contains("195.3 KiB") }
        terminal.narrow()
        try await eventually("a smaller one") {
            terminal.output.split(separator: "\u{1B}[H").last?.contains("…") ?? false
                && terminal.lines.suffix(12).allSatisfy { $0.count <= 40 }
        }
        terminal.pressControlC()

        #expect(try await terminal.process.exitCode() == 0, "\(terminal.output.suffix(2_000))")
        #expect(terminal.output.hasSuffix(Sequence.leave))
    }

    @Test func `--watch waits for a server that is restarted`() async throws {
        let (deployment, server) = try await shipping()
        let terminal = try show("loghamsterd", deployment, ["--watch=0.1"], columns: 100)
        try await eventually("a picture") { terminal.output.contains("connections") }
        try await server.terminate()
        try await eventually("the error") { terminal.output.contains("\(Sequence.error)") }
        #expect(terminal.output.contains("nobody answers"))
        let server2 = try await deployment.startServer()
        let mark = terminal.output.count
        try await eventually("another picture") {
            terminal.output.dropFirst(mark).contains("process \(server2.processID)")
        }
        terminal.pressControlC()
        #expect(try await terminal.process.exitCode() == 0)
    }

    @Test func `--watch into a pipe prints one block after the other, and ends with 0 at SIGINT`() async throws {
        let (deployment, _) = try await shipping()
        let file = deployment.scratch("server.toml")
        let process = try deployment.start("loghamsterd", ["status", "--config", file, "--watch", "0.1"])
        try await eventually("three blocks") { process.output.ranges(of: "loghamsterd ").count >= 3 }
        process.send(signal: SIGINT)

        #expect(try await process.exitCode() == 0, "\(process.errors)")
        #expect(process.output.contains("\n\nloghamsterd ") && !process.output.contains("\u{1B}"))
        #expect(process.output.contains("received \(text.count) bytes"))
        let json = try deployment.start("loghamsterd", ["status", "--config", file, "--json", "--watch", "0.1"])
        try await eventually("three lines") { json.output.ranges(of: "\n{").count >= 2 }
        json.send(signal: SIGTERM)
        #expect(try await json.exitCode() == 0)
        #expect(!json.output.contains("\n\n"))
    }

    @Test func `--watch --json says on standard error that nobody answers, and goes on`() async throws {
        let (deployment, server) = try await shipping()
        let file = deployment.scratch("server.toml")
        let watch = try deployment.start("loghamsterd", ["status", "--config", file, "--json", "--watch=0.1"])
        try await eventually("a document") { watch.output.contains("\n") }
        try await server.terminate()
        try await watch.waitForError("loghamsterd: ")
        let server2 = try await deployment.startServer()
        try await eventually("the new server's document") {
            watch.output.contains("\"pid\":\(server2.processID),")
        }
        watch.send(signal: SIGTERM)

        #expect(try await watch.exitCode() == 0)
        #expect(watch.errors.contains("nobody answers"), "\(watch.errors)")
        #expect(watch.output.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
    }

    @Test func `--watch ends when nobody reads any more`() async throws {
        let (deployment, _) = try await shipping()
        let command =
            "'\(try Repository.program("loghamsterd"))' status --config server.toml --watch 0.1 | head -n 1; "
            + "echo ended with ${PIPESTATUS[0]}"
        let shell = try ChildProcess("/bin/bash", ["-c", command], in: deployment.scratch)

        #expect(try await shell.exitCode() == 0)
        #expect(shell.output.hasSuffix("ended with 0\n"), "\(shell.output) \(shell.errors)")
    }

    @Test func `without a program --watch is one line and 69, and a wrong interval is 64`() async throws {
        let deployment = try await Deployment.plain()
        let file = try deployment.writeServerConfiguration(tls: "enabled = false")
        let terminal = try show("loghamsterd", deployment, ["--watch"], columns: 200)
        #expect(try await terminal.process.exitCode() == 69)
        #expect(!terminal.output.contains("\u{1B}") && terminal.output.contains("nobody answers"))

        for interval in ["0", "-1", "soon", "1e9", "nan"] {
            let process = try deployment.start("loghamsterd", ["status", "--config", file, "--watch=\(interval)"])
            #expect(try await process.exitCode() == 64, "\(interval)")
        }
    }

    // MARK: Scene

    /// Both programs, once a file with a long name is stored.
    private func shipping() async throws -> (Deployment, server: ChildProcess) {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try deployment.scratch.write("source/\(name)", text)
        _ = try deployment.startClient()
        _ = try await deployment.clientStatus { $0["files"]?.elements.first?["acknowledged"] == .integer(text.count) }
        return (deployment, server)
    }

    private func show(
        _ program: String, _ deployment: Deployment, _ options: [String] = [], columns: Int,
        environment: [String: String] = [:]
    ) throws -> TerminalProcess {
        let file = deployment.scratch(program == "loghamsterc" ? "client.toml" : "server.toml")
        return try TerminalProcess(
            try Repository.program(program), ["status", "--config", file] + options, in: deployment.scratch,
            columns: columns, environment: environment)
    }

    private func finished(
        _ program: String, _ deployment: Deployment, columns: Int = 80, environment: [String: String] = [:]
    ) async throws -> String {
        let terminal = try show(program, deployment, columns: columns, environment: environment)
        #expect(try await terminal.process.exitCode() == 0, "\(terminal.output)")
        return terminal.output
    }
}
