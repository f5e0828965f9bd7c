import ArgumentParser
import HamsterConfiguration
import HamsterProgram
import HamsterStatus

/// `loghamsterc status --config F`: how far the files of the running client are.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the files of the running client, how far they are, and what is wrong.",
        discussion: "Asks the client at status.socket in its state directory; its user and group may.")

    @OptionGroup var options: ClientOptions
    @OptionGroup var display: StatusOptions

    func run() async throws {
        let program = LogHamsterCommand.program
        let settings = try options.settings(program, files: nil, isOnce: false)
        try await StatusDisplay.run(display, of: settings.stateDirectory, program) {
            StatusDocument($0, now: $1, $2).text
        }
    }
}
