import HamsterConfiguration

/// What the system says in these tests.
let systemDefaults = SystemDefaults(
    stateDirectory: "/var/lib/loghamster", hostName: "web1", workingDirectory: "/home/me")

func clientSettings(
    _ text: String, _ overrides: ClientOverrides = ClientOverrides(), path: String = "/etc/lh/c.toml"
) throws -> ClientSettings {
    try ClientSettings(ConfigurationFile(path: path, text: text), overrides: overrides, defaults: systemDefaults)
}

func serverSettings(
    _ text: String, _ overrides: ServerOverrides = ServerOverrides(), path: String = "/etc/lh/d.toml"
) throws -> ServerSettings {
    try ServerSettings(ConfigurationFile(path: path, text: text), overrides: overrides, defaults: systemDefaults)
}

/// What the program would print, a line a problem.
func problems(_ read: () throws -> Void) -> [String] {
    do {
        try read()
        return []
    } catch let error as ConfigurationError {
        return "\(error)".split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } catch {
        return ["another error: \(error)"]
    }
}
