internal import HamsterConfiguration
package import Logging
internal import Synchronization

/// Puts another configuration in force while the program runs: at SIGHUP the whole of it, and when certificates were
/// replaced these alone. One at a time; whatever is wrong, what was in force stays so.
package final class Reloader<Settings: Sendable>: Sendable {
    /// What differs between the programs.
    package struct Actions: Sendable {
        /// Reads the configuration anew.
        package var read: @Sendable () throws -> Settings
        /// Puts the second in place of the first; returns the keys that need a restart. Throws before it changes anything.
        package var apply: @Sendable (_ old: Settings, _ new: Settings) throws -> [String]
        /// Hears of an attempt that has failed.
        package var failed: @Sendable () -> Void

        package init(
            read: @escaping @Sendable () throws -> Settings,
            apply: @escaping @Sendable (_ old: Settings, _ new: Settings) throws -> [String],
            failed: @escaping @Sendable () -> Void = {}
        ) {
            self.read = read
            self.apply = apply
            self.failed = failed
        }
    }

    private let actions: Actions
    private let logger: Logger
    private let current: Mutex<Settings>

    package init(_ current: Settings, logger: Logger, _ actions: Actions) {
        self.actions = actions
        self.logger = logger
        self.current = Mutex(current)
    }

    /// Returns what is in force after it.
    @discardableResult
    package func reload() -> Settings {
        current.withLock { current in
            reload(&current)
            return current
        }
    }

    private func reload(_ current: inout Settings) {
        do {
            let new = try actions.read()
            let restart = try actions.apply(current, new)
            current = new
            logger.notice("configuration is reloaded")
            guard !restart.isEmpty else { return }
            logger.warning(
                "a restart is needed for some changes", metadata: ["keys": "\(restart.joined(separator: ", "))"])
        } catch {
            fail("configuration is not reloaded, the old one stays in force", error)
        }
    }

    /// Reads the certificates again, and nothing else: a configuration that somebody is editing waits for its SIGHUP. False:
    /// they can't be used.
    package func reloadCertificates() -> Bool {
        current.withLock { current in
            do {
                _ = try actions.apply(current, current)
                logger.notice("certificates are reloaded")
                return true
            } catch {
                fail("certificates are not reloaded, the old ones stay in use", error)
                return false
            }
        }
    }

    private func fail(_ message: Logger.Message, _ error: any Error) {
        actions.failed()
        let problems = (error as? ConfigurationError)?.problems.map { "\($0)" }
        logger.error(message, metadata: ["reason": "\(problems?.joined(separator: "; ") ?? "\(error)")"])
    }
}
