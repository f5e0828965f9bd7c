import HamsterTesting
import Testing

/// The real server's system calls: what is acknowledged was synchronized before, first the output and then the journal.
@Suite(
    .enabled("strace is not installed, or may not look at programs") { await TracedProcess.isPossible() })
struct BytesAreSyncedBeforeTheyAreAcknowledgedTests {
    private static let output = "stored/web1/var/log/app.log"
    private static let journal = "server-state/journal"

    @Test func `an acknowledgement comes after a sync of the output, a record in the journal and a sync of that`()
        async throws
    {
        let deployment = try await Deployment.plain()
        let server = try await trace(deployment)
        let (output, journal) = (deployment.scratch(Self.output), deployment.scratch(Self.journal))
        let connection = try await opened(deployment)
        for (text, offset) in [("one", 3), ("two", 6)] {
            try await connection.send(text)
            try await connection.waitForAcknowledgement(of: offset)

            let calls = try await callsWithAcknowledgement(of: offset, by: server)
            let ack = try #require(calls.last)
            let bytes = try #require(calls.first { $0.isWrite(to: output) && $0.arguments.contains("\"\(text)\"") })
            let outputSync = try #require(calls.first { $0.isSync(of: output) && bytes.isBefore($0) })
            let record = try #require(calls.last { $0.isWrite(to: journal) })
            let journalSync = try #require(calls.first { $0.isSync(of: journal) && record.isBefore($0) })
            #expect(outputSync.isBefore(record) && journalSync.isBefore(ack), "\(calls)")
        }
        #expect(try await server.terminate() == 0)
    }

    @Test func `the folders of a new output are synchronized before its first acknowledgement`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await trace(deployment)
        let connection = try await opened(deployment)
        try await connection.send("one")
        try await connection.waitForAcknowledgement(of: 3)

        let calls = try await callsWithAcknowledgement(of: 3, by: server)
        let bytes = try #require(calls.first { $0.isWrite(to: deployment.scratch(Self.output)) })
        let record = try #require(calls.last { $0.isWrite(to: deployment.scratch(Self.journal)) })
        for folder in ["stored", "stored/web1", "stored/web1/var", "stored/web1/var/log"] {
            let path = deployment.scratch(folder)
            #expect(calls.contains { $0.isSync(of: path) && bytes.isBefore($0) && $0.isBefore(record) }, "\(folder)")
        }
        #expect(try await server.terminate() == 0)
    }

    @Test func `with sync = os nothing is synchronized before an acknowledgement`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await trace(deployment, "[durability]\nsync = \"os\"")
        let connection = try await opened(deployment)
        try await connection.send("one")
        try await connection.waitForAcknowledgement(of: 3)

        let calls = try await callsWithAcknowledgement(of: 3, by: server)
        let (output, journal) = (deployment.scratch(Self.output), deployment.scratch(Self.journal))
        let bytes = try #require(calls.first { $0.isWrite(to: output) })
        let record = try #require(calls.last { $0.isWrite(to: journal) })
        #expect(bytes.isBefore(record))
        #expect(!calls.contains { $0.isSync(of: output) || $0.isSync(of: journal) }, "\(calls)")
        #expect(try await server.terminate() == 0)
    }

    @Test func `a failed sync of an output acknowledges nothing and takes its bytes back; later they come once`()
        async throws
    {
        let deployment = try await Deployment.plain()
        let first = try await deployment.startPlainServer()
        var connection = try await opened(deployment)
        try await connection.send("one")
        try await connection.waitForAcknowledgement(of: 3)
        #expect(try await first.terminate() == 0)

        let output = deployment.scratch(Self.output)
        let server = try await trace(
            deployment, options: ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO", "-P", output])
        connection = try await opened(deployment, at: 3)
        try await connection.send("two")
        let lines = try await connection.linesUntilEnd()
        #expect(lines.last == "507 the output cannot be written", "\(lines)")
        #expect(lines.dropLast().allSatisfy { $0 == "ACK 3" }, "\(lines)")
        #expect(server.calls.contains { $0.isSync(of: output) && $0.result == -1 }, "\(server.calls)")
        #expect(server.errors.contains("\(output): bytes since the last commit were lost"), "\(server.errors)")
        #expect(deployment.scratch.contents(Self.output) == Array("one".utf8))
        #expect(try await server.terminate() == 0)

        _ = try await deployment.startPlainServer()
        connection = try await opened(deployment, at: 3)
        try await connection.send("two")
        try await connection.waitForAcknowledgement(of: 6)
        #expect(deployment.scratch.contents(Self.output) == Array("onetwo".utf8))
    }

    @Test func `a client whose bytes a failed sync has taken back sends them again, each once`() async throws {
        let deployment = try await Deployment.plain()
        let output = deployment.scratch("stored/web1\(deployment.scratch("source/a.log"))")
        let (one, two) = (logText(bytes: 50_000), logText(bytes: 50_000, seed: 2))
        try deployment.scratch.write("source/a.log", one)
        let first = try await deployment.startPlainServer()
        let client = try deployment.startClient(tls: "enabled = false")
        try await deployment.waitUntilStored("a.log", one)
        #expect(try await first.terminate() == 0)

        let server = try await trace(
            deployment, options: ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO", "-P", output])
        try deployment.scratch.append("source/a.log", two)
        try await server.waitForError("bytes since the last commit were lost")
        try await client.waitForError("507 ")
        #expect(try await server.terminate() == 0)
        #expect(deployment.stored("a.log") == one)

        _ = try await deployment.startPlainServer()
        try await deployment.waitUntilStored("a.log", one + two)
        #expect(try await client.terminate() == 0)
    }

    // MARK: Scene

    private static let syncsAndWrites = [
        "-s", "100", "-e", "trace=write,writev,sendto,sendmsg,fdatasync,fsync",
    ]

    /// Starts the server without TLS, and waits until it listens.
    private func trace(
        _ deployment: Deployment, _ extra: String = "", options: [String] = syncsAndWrites
    ) async throws -> TracedProcess {
        let file = try deployment.writeServerConfiguration(tls: "enabled = false", extra: extra)
        let server = try TracedProcess(
            try Repository.program("loghamsterd"), ["--config", file], options: options, in: deployment.scratch)
        try await server.waitForError("listening address=127.0.0.1:\(deployment.port)")
        return server
    }

    private func opened(_ deployment: Deployment, at offset: Int = 0) async throws -> RawConnection {
        let connection = try await RawConnection.greeted(port: deployment.port)
        let reply = try await connection.open("web1:/var/log/app.log ack:1 file:a offset:\(offset)")
        #expect("\(reply) ".contains(" offset:\(offset) "), "\(reply)")
        return connection
    }

    /// The server's calls up to the first one that carries this acknowledgement, by their ends.
    private func callsWithAcknowledgement(of offset: Int, by server: TracedProcess) async throws -> [SystemCall] {
        try await awaited("ACK \(offset) in the trace") {
            let calls = server.calls
            let ack = calls.firstIndex { $0.isOnSocket && $0.arguments.contains("ACK \(offset)\\n") }
            return ack.map { Array(calls[...$0]) }
        }
    }
}

extension SystemCall {
    fileprivate func isWrite(to path: String) -> Bool { name.hasPrefix("write") && file == path }

    /// One that has succeeded or failed.
    fileprivate func isSync(of path: String) -> Bool { ["fdatasync", "fsync"].contains(name) && file == path }
}
