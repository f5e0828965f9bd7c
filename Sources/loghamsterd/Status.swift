import ArgumentParser
import HamsterConfiguration
import HamsterProgram
import HamsterServer
import HamsterStatus
import HamsterStore

/// `loghamsterd status --config F`: how the running server fares.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show streams, outputs and errors of the running server.",
        discussion: "Asks the server at status.socket in its state directory; its user and group may.")

    @OptionGroup var options: ServerOptions
    @OptionGroup var display: StatusOptions

    func run() async throws {
        let program = LogHamsterDaemon.program
        let settings = try options.settings(program)
        try await StatusDisplay.run(display, of: settings.server.store.stateDirectory, program) {
            StatusDocument($0, now: $1, $2).text
        }
    }
}
