import ArgumentParser
import HamsterProgram

/// `loghamsterd`: receives log files from many hosts and stores them.
@main
struct LogHamsterDaemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loghamsterd",
        abstract: "Receives log files from many hosts over mutual TLS and stores them, every byte once.",
        // The default command's own usage is not shown otherwise.
        usage: """
            loghamsterd --config <file>
            loghamsterd <subcommand>
            """,
        discussion: """
            Exit codes: 0 ok, 1 failed, 64 usage, 69 unavailable, 74 I/O, 77 permission, 78 configuration.
            Environment: LOGHAMSTER_CONFIG, LOGHAMSTER_DIRECTORY, LOGHAMSTER_STATE.
            """,
        version: Program.versionText("loghamsterd"),
        subcommands: [Serve.self, Check.self, Route.self, Status.self, Enroll.self],
        defaultSubcommand: Serve.self)

    static let program = Program(name: "loghamsterd")

    // Not on another thread, which would have an arena by then.
    @MainActor static func main() async {
        Heap.limitArenas(to: Heap.arenasForAllCores, unless: program.environment)
        await program.main(Self.self)
    }
}
