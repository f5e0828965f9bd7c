package import Foundation
import Synchronization

/// A program that a test has started. Killed with the last reference, so that no test leaves anything running.
package final class ChildProcess: Sendable {
    package let processID: pid_t
    /// Lives as long as its process.
    private let scratch: ScratchDirectory
    private let standardOutput: String
    private let standardError: String
    private let exitStatus = Mutex<Int32?>(nil)

    /// Starts `program` with its output in files of `scratch`. `environment` is added to the test's own.
    package init(
        _ program: String, _ arguments: [String], in scratch: ScratchDirectory, environment: [String: String] = [:],
        input: [UInt8]? = nil
    ) throws {
        let label = "\((program as NSString).lastPathComponent)-\(UInt32.random(in: 0...UInt32.max))"
        self.scratch = scratch
        standardOutput = scratch("\(label).stdout")
        standardError = scratch("\(label).stderr")
        let inputFile = try input.map { try scratch.write("\(label).stdin", $0) } ?? "/dev/null"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, inputFile, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, standardOutput, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, standardError, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        let variables = ProcessInfo.processInfo.environment
            .filter { !$0.key.hasPrefix("LOGHAMSTER_") && $0.key != "JOURNAL_STREAM" && $0.key != "STATE_DIRECTORY" }
            .merging(environment) { $1 }
        var pid = pid_t()
        // env(1) changes the directory and becomes the program: Glibc's module has no addchdir_np.
        let code = Self.withCStrings(["env", "-C", scratch.path, program] + arguments) { arguments in
            Self.withCStrings(variables.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&pid, "/usr/bin/env", &actions, nil, arguments, environment)
            }
        }
        guard code == 0 else { throw TestingError("\(program): \(String(cString: strerror(code)))") }
        processID = pid
    }

    deinit {
        guard status() == nil else { return }
        kill(processID, SIGKILL)
        waitpid(processID, nil, 0)
    }

    package var output: String { Self.text(standardOutput) }
    package var errors: String { Self.text(standardError) }

    package var isRunning: Bool { status() == nil }

    package func send(signal: Int32) {
        guard status() == nil else { return }
        kill(processID, signal)
    }

    /// The exit code, or 128 plus the signal that ended it.
    @discardableResult
    package func exitCode(timeout: Duration = patience) async throws -> Int32 {
        try await eventually("the end of process \(processID); it said:\n\(errors.suffix(2_000))", timeout: timeout) {
            status() != nil
        }
        return status() ?? -1
    }

    /// Kills without a warning, and waits until it is gone.
    package func killNow() async throws {
        send(signal: SIGKILL)
        try await exitCode()
    }

    /// SIGTERM, and the exit code.
    @discardableResult
    package func terminate(timeout: Duration = patience) async throws -> Int32 {
        send(signal: SIGTERM)
        return try await exitCode(timeout: timeout)
    }

    /// Waits until standard error holds `text`.
    package func waitForError(_ text: String, times: Int = 1, timeout: Duration = patience) async throws {
        try await eventually("'\(text)' from process \(processID); it said:\n\(errors.suffix(2_000))", timeout: timeout)
        {
            errors.ranges(of: text).count >= times
        }
    }

    /// The paths of the files that the process has open; a removed one's ends in " (deleted)".
    package func openFiles() throws -> [String] {
        let directory = "/proc/\(processID)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: directory)
            // A descriptor that is closed meanwhile is none.
            .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
    }

    /// Whether the process watches a directory (inotify(7)).
    package var isWatching: Bool {
        let directory = "/proc/\(processID)/fdinfo"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return numbers.contains { Self.text("\(directory)/\($0)").contains("inotify wd:") }
    }

    private func status() -> Int32? {
        exitStatus.withLock { known in
            if let known { return known }
            var raw: Int32 = 0
            guard waitpid(processID, &raw, WNOHANG) == processID else { return nil }
            known = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
            return known
        }
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
