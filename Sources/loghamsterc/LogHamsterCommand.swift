import ArgumentParser
import HamsterProgram

/// `loghamsterc`: ships log files to a Log Hamster server.
@main
struct LogHamsterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loghamsterc",
        abstract: "Ships log files to a Log Hamster server over mutual TLS, every byte once.",
        // The default command's own usage is not shown otherwise.
        usage: """
            loghamsterc --config <file>
            loghamsterc --target <host:port> [--ca <file>] [--cert <file> --key <file>] [--insecure-plaintext]
                        [--name <name>] [--state <directory>] [--compress] <files> ...
            loghamsterc enroll <host:port> [<token>]
            loghamsterc <subcommand>
            """,
        discussion: """
            Exit codes: 0 ok, 1 failed, 64 usage, 69 unavailable, 74 I/O, 77 permission, 78 configuration.
            Environment: LOGHAMSTER_CONFIG, LOGHAMSTER_TARGET, LOGHAMSTER_CA, LOGHAMSTER_CERT, LOGHAMSTER_KEY, \
            LOGHAMSTER_STATE.
            """,
        version: Program.versionText("loghamsterc"),
        subcommands: [Follow.self, Send.self, Check.self, Status.self, Explain.self, Enroll.self],
        defaultSubcommand: Follow.self)

    static let program = Program(name: "loghamsterc")

    // Not on another thread, which would have an arena by then.
    @MainActor static func main() async {
        // It runs beside what a machine is for: memory counts more than what many cores could gain.
        Heap.limitArenas(to: 2, unless: program.environment)
        await program.main(Self.self)
    }
}
