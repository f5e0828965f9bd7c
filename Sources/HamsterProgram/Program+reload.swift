internal import HamsterConfiguration
package import Logging

extension Program {
    /// Says that another configuration is in force, but for the keys that need a restart.
    package func reloaded(restart keys: [String], _ logger: Logger) {
        logger.notice("configuration is reloaded")
        guard !keys.isEmpty else { return }
        logger.warning("a restart is needed for some changes", metadata: ["keys": "\(keys.joined(separator: ", "))"])
    }

    /// Says in one line why the old configuration stays in force.
    package func notReloaded(_ error: any Error, _ logger: Logger) {
        let problems = (error as? ConfigurationError)?.problems.map { "\($0)" }
        logger.error(
            "configuration is not reloaded, the old one stays in force",
            metadata: ["reason": "\(problems?.joined(separator: "; ") ?? "\(error)")"])
    }
}
