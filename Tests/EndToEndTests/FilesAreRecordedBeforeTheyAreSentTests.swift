import HamsterTesting
import Testing

/// The real client's system calls: a file is in the state, and that on disk, before the server hears of it.
@Suite(
    .enabled("strace is not installed, or may not look at programs") { await TracedProcess.isPossible() })
struct FilesAreRecordedBeforeTheyAreSentTests {
    @Test func `the state is written, synchronized, renamed, and its folder synchronized, before a stream is opened`()
        async throws
    {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let bytes = logText(bytes: 10_000)
        let path = try deployment.scratch.write("source/a.log", bytes)
        let file = try deployment.writeClientConfiguration(tls: "enabled = false", input: "path = \"source/*\"")

        let client = try TracedProcess(
            try Repository.program("loghamsterc"), ["--config", file],
            options: ["-s", "4096", "-e", "trace=write,writev,sendto,sendmsg,fdatasync,fsync,rename"],
            in: deployment.scratch)
        try await deployment.waitUntilStored("a.log", bytes)
        #expect(try await client.terminate() == 0)

        let state = deployment.scratch("client-state/client.state")
        let calls = client.calls
        let opening = try #require(calls.first { $0.isOnSocket && $0.arguments.contains("INIT STREAM web1:\(path) ") })
        let writes = calls.filter { $0.name == "write" && $0.file == "\(state).new" }
        let first = try #require(writes.first { $0.arguments.contains(" # \(path)\\n") })
        #expect(try isReplaced(state, after: first, in: calls).isBefore(opening), "\(calls)")
        // With what was acknowledged, by the end at the latest.
        let last = try #require(writes.last)
        #expect(last.arguments.contains(" offset=10000 "), "\(last)")
        _ = try isReplaced(state, after: last, in: calls)
    }

    /// Fails unless what was written is then made durable under the state's name, step by step. Returns the last step.
    private func isReplaced(
        _ state: String, after write: SystemCall, in calls: [SystemCall]
    ) throws -> SystemCall {
        let later = calls.filter(write.isBefore)
        let sync = try #require(later.first { $0.name == "fdatasync" && $0.file == "\(state).new" })
        let rename = try #require(later.first { $0.name == "rename" && $0.file == "\(state).new" })
        #expect(sync.isBefore(rename) && sync.result == 0 && rename.arguments.hasSuffix(", \"\(state)\""))
        let folder = state.dropLast("/client.state".count)
        return try #require(calls.first { $0.name == "fsync" && $0.file == folder && rename.isBefore($0) })
    }
}
