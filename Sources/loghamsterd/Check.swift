import ArgumentParser
import HamsterConfiguration
import HamsterProgram

/// `loghamsterd check --config F`: validates and prints what is in effect.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate a configuration, open its certificates, and print what is in effect.")

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let settings = try options.settings(LogHamsterDaemon.program, opensCredentials: true)
        try settings.check()
        for warning in settings.warnings { writeToStandardError("loghamsterd: warning: \(warning)\n") }
        print(settings.text, terminator: "")
    }
}
