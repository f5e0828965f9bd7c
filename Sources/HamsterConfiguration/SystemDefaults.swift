internal import Glibc
internal import HamsterFiles

/// What the system says where neither file nor command line does.
package struct SystemDefaults: Sendable {
    /// `$STATE_DIRECTORY` under systemd, `/var/lib/loghamster` for root, else below the user's own state.
    package var stateDirectory: String
    package var hostName: String
    /// Relative names on the command line start here.
    package var workingDirectory: String

    package init(stateDirectory: String, hostName: String, workingDirectory: String) {
        self.stateDirectory = stateDirectory
        self.hostName = hostName
        self.workingDirectory = workingDirectory
    }

    /// Asks environment and system of this process.
    package init(environment: [String: String]) {
        let home = environment["HOME"] ?? "/"
        let userState = environment["XDG_STATE_HOME"] ?? "\(home)/.local/state"
        // systemd.exec(5): several directories are separated by colons; ours is the first.
        let given = environment["STATE_DIRECTORY"]?.split(separator: ":").first.map(String.init)
        self.init(
            stateDirectory: given ?? (getuid() == 0 ? "/var/lib/loghamster" : "\(userState)/loghamster"),
            hostName: systemHostName(), workingDirectory: Self.currentDirectory)
    }

    private static var currentDirectory: String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&bytes, bytes.count) != nil else { return "/" }
        return String(decoding: bytes.prefix(while: { $0 != 0 }).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
