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

    /// Rotates, whether it is time or not.
    package func run() async throws {
        // An ordinary user's path doesn't lead to it.
        let process = try ChildProcess(
            "/usr/sbin/logrotate", ["--force", "--state", state, configuration], in: scratch)
        guard try await process.exitCode() == 0, !process.errors.contains("error:") else {
            throw TestingError("logrotate: \(process.errors)")
        }
    }
}
