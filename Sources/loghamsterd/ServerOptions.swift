import ArgumentParser
import HamsterConfiguration
import HamsterFiles
import HamsterProgram

/// What the server's commands have in common.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file (TOML).", valueName: "file"), completion: .file())
    var config: String?

    /// Reads the configuration, with the environment over the file. `opensCredentials`: for who is going to use them.
    func settings(_ program: Program, opensCredentials: Bool = false) throws -> ServerSettings {
        guard let path = config ?? program.environment["LOGHAMSTER_CONFIG"] else {
            throw ProgramFailure(.usage, ["no configuration: give --config FILE"])
        }
        var overrides = ServerOverrides()
        for (variable, key) in [("LOGHAMSTER_DIRECTORY", "directory"), ("LOGHAMSTER_STATE", "state")] {
            if let value = program.environment[variable] {
                overrides.values.append(([key], value, variable))
            }
        }
        let defaults = program.defaults
        let file = try ConfigurationFile(
            reading: path, workingDirectory: defaults.workingDirectory, fileSystem: LinuxFileSystem())
        return try ServerSettings(
            file, overrides: overrides, defaults: defaults, opensCredentials: opensCredentials)
    }
}
