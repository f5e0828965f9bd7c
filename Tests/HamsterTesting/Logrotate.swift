import Foundation

/// The real logrotate(8) for one file, with its state and configuration in the scratch directory.
package struct Logrotate: Sendable {
    private let scratch: ScratchDirectory
    private let configuration: String
    private let state: String

    /// `directives` are lines for the section of `file`.
    package init(_ file: String, _ directives: String, in scratch: ScratchDirectory) throws {
        self.scratch = scratch
        let name = "logrotate-\((file as NSString).lastPathComponent)"
        state = scratch("\(name).state")
        configuration = try scratch.write("\(name).conf", "\(file) {\nrotate 99\n\(directives)\n}\n")
    }

    /// Rotates once, whether it is time or not.
    package func run() async throws {
        // A name with the time in seconds is taken when another rotation was in the same second.
        _ = try await awaited("a name for the rotated file") {
            if try await hasRotated() { return true }
            let second = time(nil)
            try await eventually("the next second") { time(nil) > second }
            return nil
        }
    }

    /// False: the name is taken, and everything was left as it was.
    private func hasRotated() async throws -> Bool {
        // An ordinary user's path doesn't lead to it.
        let process = try ChildProcess(
            "/usr/sbin/logrotate", ["--force", "--state", state, configuration], in: scratch)
        let code = try await process.exitCode()
        // With 0 or 1, as the version goes.
        if process.errors.contains("already exists, skipping rotation") { return false }
        guard code == 0, !process.errors.contains("error:") else {
            throw TestingError("logrotate: \(process.errors)")
        }
        return true
    }
}
