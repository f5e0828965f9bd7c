import Foundation

/// A program that strace(1) looks at, or lets system calls fail for.
package struct TracedProcess {
    private static let strace = "/usr/bin/strace"

    /// Whether strace is there and may look at programs. In CI it has to be.
    package static func isPossible() async -> Bool {
        guard ProcessInfo.processInfo.environment["CI"] == nil else { return true }
        guard let scratch = try? ScratchDirectory(),
            let trial = try? ChildProcess(strace, ["-f", "-o", "/dev/null", "true"], in: scratch)
        else { return false }
        return (try? await trial.exitCode()) == 0
    }

    /// strace; what it says is what the program says.
    private let process: ChildProcess
    private let trace: String

    /// Starts `program`; also if its test ends first, it does not stay. `options` say what is looked at.
    package init(
        _ program: String, _ arguments: [String], options: [String], in scratch: ScratchDirectory
    ) throws {
        trace = scratch("trace-\(UInt32.random(in: 0...UInt32.max))")
        let words = ["-f", "-qq", "-y", "-e", "signal=none", "-o", trace] + options
        process = try ChildProcess(
            Self.strace, words + ["setpriv", "--pdeathsig", "KILL", program] + arguments, in: scratch)
    }

    /// What has ended so far.
    package var calls: [SystemCall] {
        SystemCall.all(in: (try? String(contentsOfFile: trace, encoding: .utf8)) ?? "")
    }

    package var errors: String { process.errors }

    package func waitForError(_ text: String) async throws { try await process.waitForError(text) }

    package func exitCode() async throws -> Int32 { try await process.exitCode() }

    /// SIGTERM for the program, and its exit code.
    package func terminate() async throws -> Int32 {
        let children = try String(
            contentsOfFile: "/proc/\(process.processID)/task/\(process.processID)/children", encoding: .utf8)
        guard let child = children.split(separator: " ").first.flatMap({ pid_t($0) }) else {
            throw TestingError("strace has no program any more; it said:\n\(errors.suffix(2_000))")
        }
        kill(child, SIGTERM)
        return try await exitCode()
    }
}
