import Foundation

extension ChildProcess {
    /// Lets the process open nothing any more. Returns the limit that it had.
    package func useUpDescriptors() async throws -> Int {
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").compactMap { Int($0) }
        guard let free = (0...open.count).first(where: { !open.contains($0) }) else {
            throw TestingError("no free descriptor")
        }
        try await setDescriptorLimit(free)
        return 1_024
    }

    /// How many files it may open, from now on.
    package func setDescriptorLimit(_ limit: Int) async throws {
        let scratch = try ScratchDirectory()
        // The hard limit stays: only root could raise it again.
        let prlimit = try ChildProcess(
            "/usr/bin/prlimit", ["--pid", "\(processID)", "--nofile=\(limit):"], in: scratch)
        guard try await prlimit.exitCode() == 0 else { throw TestingError("prlimit: \(prlimit.errors)") }
    }
}
