import ArgumentParser
import HamsterConfiguration
import HamsterProgram

/// `loghamsterc check --config F`: validates and prints what is in effect.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate a configuration, open its certificates, and print what is in effect. Connects nowhere.")

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let settings = try options.settings(
            LogHamsterCommand.program, files: nil, isOnce: false, opensCredentials: true)
        try settings.check()
        for warning in settings.warnings { writeToStandardError("loghamsterc: warning: \(warning)\n") }
        print(settings.text, terminator: "")
    }
}
