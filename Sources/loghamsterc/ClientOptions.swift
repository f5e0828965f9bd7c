import ArgumentParser
import HamsterConfiguration
import HamsterFiles
import HamsterProgram

/// What the client's commands have in common.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file (TOML).", valueName: "file"), completion: .file())
    var config: String?

    @Option(name: .long, help: ArgumentHelp("The server, in place of the file's.", valueName: "host:port"))
    var target: String?

    @Option(
        help: ArgumentHelp("CA certificates that the server's must come from.", valueName: "file"), completion: .file())
    var ca: String?

    @Option(help: ArgumentHelp("The client's certificate chain.", valueName: "file"), completion: .file())
    var cert: String?

    @Option(help: ArgumentHelp("The key of the client's certificate.", valueName: "file"), completion: .file())
    var key: String?

    @Flag(name: .long, help: "No TLS: everybody on the way can read and change what is sent.")
    var insecurePlaintext = false

    @Option(name: .long, help: ArgumentHelp("Sent as svc; default: each file's name.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("Directory of the state file.", valueName: "directory"), completion: .directory)
    var state: String?

    @Flag(name: .long, help: "Compress with zlib.")
    var compress = false

    /// Reads file and environment; `files` are the command line's, nil where its inputs are meant. `opensCredentials`: for who is
    /// going to use them.
    func settings(
        _ program: Program, files: [String]?, isOnce: Bool, opensCredentials: Bool = false
    ) throws -> ClientSettings {
        let path = config ?? program.environment["LOGHAMSTER_CONFIG"]
        let overrides = overrides(program, files: files, isOnce: isOnce)
        guard path != nil || overrides.target != nil else {
            throw ProgramFailure(.usage, ["no server: give --config FILE or --target HOST:PORT"])
        }
        let defaults = program.defaults
        let file = try path.map {
            try ConfigurationFile(
                reading: $0, workingDirectory: defaults.workingDirectory, fileSystem: LinuxFileSystem())
        }
        return try ClientSettings(
            file, overrides: overrides, defaults: defaults, opensCredentials: opensCredentials)
    }

    private func overrides(_ program: Program, files: [String]?, isOnce: Bool) -> ClientOverrides {
        var overrides = ClientOverrides()
        /// The option, else the variable; remembers which for error messages.
        func value(_ option: String?, _ name: String) -> String? {
            if let option { return option }
            let variable = "LOGHAMSTER_\(name.uppercased())"
            guard let value = program.environment[variable] else { return nil }
            overrides.sources[name] = variable
            return value
        }
        overrides.target = value(target, "target")
        overrides.ca = value(ca, "ca")
        overrides.certificate = value(cert, "cert")
        overrides.key = value(key, "key")
        overrides.state = value(state, "state")
        overrides.isPlaintext = insecurePlaintext
        overrides.isCompressed = compress
        overrides.name = name
        overrides.files = files
        overrides.isOnce = isOnce
        return overrides
    }
}
