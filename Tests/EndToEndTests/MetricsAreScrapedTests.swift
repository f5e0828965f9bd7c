import Foundation
import HamsterTesting
import Testing

/// Both programs are asked over HTTP for their metrics, as Prometheus does.
@Suite(.timeLimit(.minutes(10))) struct MetricsAreScrapedTests {
    private let text = logText(bytes: 200_000)
    private let port: ReservedPort

    init() throws { port = try ReservedPort() }

    private var table: String { "[prometheus]\nenabled = true\nlisten = \"127.0.0.1:\(port.number)\"\n" }

    @Test func `the server counts a file on its way`() async throws {
        let deployment = try await Deployment()
        try await startServer(deployment)
        let before = try await scrape()
        try deployment.scratch.write("source/app.log", text)
        let sent = try await deployment.send([deployment.scratch("source/app.log")])
        #expect(sent.exitCode == 0, "\(sent.errors)")
        let after = try await awaited("the stream's end", every: .betweenRequests) {
            let answer = try await scrape()
            return answer.value(#"loghamster_streams_total{output="_fallback",result="completed"}"#) == 1 ? answer : nil
        }

        let bytes = Double(text.count)
        for stage in ["received", "written", "committed"] {
            #expect(after.value("loghamster_\(stage)_bytes_total{output=\"_fallback\"}") == bytes, "\(stage)")
        }
        let lines = text.count { $0 == UInt8(ascii: "\n") }
        #expect(after.value(#"loghamster_lines_total{output="_fallback"}"#) == Double(lines))
        #expect(after.value(#"loghamster_host_received_bytes_total{host="web1"}"#) == bytes)
        let last = try #require(after.value(#"loghamster_host_last_received_timestamp_seconds{host="web1"}"#))
        #expect(abs(last - Date().timeIntervalSince1970) < 600)
        #expect(before.value("loghamster_commit_seconds_count") == 0)
        #expect(try #require(after.value("loghamster_commit_seconds_count")) >= 1)
        #expect(after.value("loghamster_uncommitted_bytes") == 0)
        #expect(after.value(#"loghamster_streams{output="_fallback"}"#) == 0)
        #expect(after.value(#"loghamster_connections_total{result="accepted"}"#) == 1)
        let handshake = #"loghamster_tls_handshakes_total{result="ok",reason="",version="TLSv1.3",resumed="false"}"#
        #expect(after.value(handshake) == 1)
        #expect(after.value("loghamster_tls_handshake_seconds_count") == 1)
        for role in ["server", "client_ca"] {
            let end = try #require(after.value("loghamster_certificate_not_after_seconds{role=\"\(role)\"}"))
            #expect(end > Date().timeIntervalSince1970)
        }
    }

    @Test func `refused strangers are counted by what was wrong`() async throws {
        let deployment = try await Deployment()
        try await startServer(deployment)
        await #expect(throws: (any Error).self) { try await TLSConnection.greeted(port: deployment.port) }
        let connection = try await TLSConnection.greeted(port: deployment.port, as: deployment.clientPair)
        #expect(try await connection.ask("INIT STREAM other:/a.log").hasPrefix("403 "))

        let answer = try await awaited("the failed handshake", every: .betweenRequests) {
            let answer = try await scrape()
            return answer.text.contains(#"{result="failed",reason="verification",version="",resumed=""} 1"#)
                ? answer : nil
        }
        #expect(answer.value(#"loghamster_refusals_total{code="403"}"#) == 1)
        #expect(answer.value(#"loghamster_connections_total{result="refused"}"#) == 1)
        #expect(answer.value(#"loghamster_connections{state="opening"}"#) == 1)
    }

    @Test func `an output that can't be written is counted by its name and reason`() async throws {
        let deployment = try await Deployment.plain()
        let output = "[output.app]\npath = \"app.log\"\n"
        try await startServer(deployment, tls: "enabled = false", extra: output)
        let path = deployment.scratch("stored/app.log")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.ask("INIT STREAM web1:/a.log svc:app ack:1 file:f offset:0").hasPrefix("507 "))

        let answer = try await scrape()
        #expect(answer.value(#"loghamster_output_errors_total{output="app",reason="output"}"#) == 1)
        #expect(answer.value(#"loghamster_streams{output="app"}"#) == 0)
    }

    @Test func `the client counts a file on its way, its rotation and its targets`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.write("source/app.log", text)
        let client = try await startClient(deployment)
        try await deployment.waitUntilStored("app.log", text)
        let series = #"{input="app"}"#
        try await eventually("all acknowledged", every: .betweenRequests) {
            let answer = try? await scrape()
            return answer?.value("loghamster_client_acknowledged_bytes_total\(series)") == Double(text.count)
        }
        let answer = try await scrape()
        #expect(answer.value("loghamster_client_read_bytes_total\(series)") == Double(text.count))
        #expect(answer.value("loghamster_client_lag_bytes\(series)") == 0)
        #expect(answer.value("loghamster_client_lag_seconds\(series)") == 0)
        #expect(answer.value("loghamster_client_lost_bytes_total\(series)") == 0)
        #expect(answer.value(#"loghamster_client_rotations_total{input="app",kind="truncate"}"#) == 0)
        #expect(answer.value(#"loghamster_client_files{input="app",state="streaming"}"#) == 1)
        #expect(answer.value(#"loghamster_client_connects_total{result="ok",reason=""}"#) == 1)
        #expect(answer.value("loghamster_client_connected{target=\"127.0.0.1:\(deployment.port)\"}") == 1)
        for role in ["client", "server_ca"] {
            #expect(answer.value("loghamster_client_certificate_not_after_seconds{role=\"\(role)\"}") != nil)
        }

        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")
        try deployment.scratch.write("source/app.log", "new\n")
        try await eventually("the rotation", every: .betweenRequests) {
            let renames = #"loghamster_client_rotations_total{input="app",kind="rename"}"#
            return try await scrape().value(renames) == 1
        }
        client.send(signal: SIGHUP)
        try await client.waitForError("configuration is reloaded")
        #expect(try await scrape().value(#"loghamster_client_reloads_total{result="ok"}"#) == 1)
        try deployment.scratch.write("client.toml", "nonsense")
        client.send(signal: SIGHUP)
        try await client.waitForError("configuration is not reloaded")
        #expect(try await scrape().value(#"loghamster_client_reloads_total{result="failed"}"#) == 1)
    }

    @Test func `a client without a target is healthy, not ready, and falls behind`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try await server.terminate()
        try deployment.scratch.write("source/app.log", text)
        _ = try await startClient(deployment)
        try await eventually("a failed attempt", every: .betweenRequests) {
            let answer = try await scrape()
            let failures = #"loghamster_client_connects_total{result="failed",reason="unreachable"}"#
            let age = answer.value(#"loghamster_client_lag_seconds{input="app"}"#) ?? 0
            return answer.value(failures) ?? 0 > 0 && age >= 2
        }

        let ready = try await HTTPAnswer.of(port: port.number, "/readyz")
        #expect(ready.status == 503 && ready.text == "no target can be reached\n")
        #expect(try await HTTPAnswer.of(port: port.number, "/healthz").status == 200)
        #expect(try await scrape().value(#"loghamster_client_lag_bytes{input="app"}"#) == Double(text.count))
        let deleted = #"loghamster_client_deleted_bytes{input="app"}"#
        #expect(try await scrape().value(deleted) == 0)
        try FileManager.default.removeItem(atPath: deployment.scratch("source/app.log"))
        #expect(try await scrape().value(deleted) == Double(text.count))
        _ = try await deployment.startServer()
        try await eventually("the deleted file to be let go", every: .betweenRequests) {
            try await scrape().value(deleted) == 0
        }
        try await eventually("readiness", every: .betweenRequests) {
            try await HTTPAnswer.of(port: port.number, "/readyz").status == 200
        }
    }

    @Test func `both programs pass promtool, and know their paths and methods`() async throws {
        let deployment = try await Deployment()
        try await startServer(deployment)
        try deployment.scratch.write("source/app.log", text)
        let other = try ReservedPort()
        _ = try await startClient(deployment, port: other.number)
        try await deployment.waitUntilStored("app.log", text)
        for port in [port.number, other.number] {
            let answer = try await HTTPAnswer.of(port: port, "/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let verdict = try await promtool(answer.body, in: deployment)
            #expect(verdict == "", "\(verdict)")
            #expect(try await HTTPAnswer.of(port: port, "/readyz").status == 200)
            #expect(try await HTTPAnswer.of(port: port, "/").status == 404)
            #expect(try await HTTPAnswer.of(port: port, "/metrics", method: "POST").status == 405)
            let open = try await HTTPAnswer.of(
                port: port, "/metrics", headers: ["Accept: application/openmetrics-text;version=1.0.0"])
            #expect(open.text.hasSuffix("\n# EOF\n"))
        }
    }

    @Test func `stuck scrapers don't disturb a stream`() async throws {
        let deployment = try await Deployment()
        try await startServer(deployment)
        let stuck = try (0..<40).map { _ in try RawConnection(port: port.number, receiveBytes: 1_024) }
        for connection in stuck { _ = try? await connection.send("GET /metrics HTTP/1.1\r\n") }
        try deployment.scratch.write("source/app.log", text)

        let sent = try await deployment.send([deployment.scratch("source/app.log")])
        #expect(sent.exitCode == 0, "\(sent.errors)")
        try await eventually("the stuck to be dropped") { stuck.allSatisfy(\.hasEnded) }
        #expect(try await scrape().value(#"loghamster_received_bytes_total{output="_fallback"}"#) == Double(text.count))
    }

    @Test func `a port that is taken ends the program with 69, and says which setting it is`() async throws {
        let deployment = try await Deployment.plain()
        try await startServer(deployment, tls: "enabled = false")
        let client = try deployment.startClient(
            tls: "enabled = false", input: "path = \"source/*.log\"\n\(table)")

        #expect(try await client.exitCode() == 69)
        #expect(client.errors.contains("cannot listen on 127.0.0.1:\(port.number) for metrics: address already in use"))
    }

    private func scrape() async throws -> HTTPAnswer {
        let answer = try await HTTPAnswer.of(port: port.number, "/metrics")
        guard answer.status == 200 else { throw TestingError("status \(answer.status): \(answer.text)") }
        return answer
    }

    private func startServer(_ deployment: Deployment, tls: String? = nil, extra: String = "") async throws {
        let server = try await deployment.startServer(tls: tls, extra: table + extra)
        try await server.waitForError("metrics are offered")
    }

    private func startClient(_ deployment: Deployment, port: Int? = nil) async throws -> ChildProcess {
        let listen = "[prometheus]\nenabled = true\nlisten = \"127.0.0.1:\(port ?? self.port.number)\""
        let client = try deployment.startClient(input: "path = \"source/*.log\"\nname = \"app\"\n\(listen)")
        try await client.waitForError("metrics are offered")
        return client
    }

    /// What promtool finds; nothing where all is well. Without promtool the test says so, and finds nothing.
    private func promtool(_ metrics: [UInt8], in deployment: Deployment) async throws -> String {
        let path = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("promtool is missing: metrics were not checked; apt-get install prometheus")
            return ""
        }
        let file = try deployment.scratch.write("metrics.txt", metrics)
        let process = try ChildProcess(
            "/bin/sh", ["-c", "exec \(path) check metrics < '\(file)' 2>&1"], in: deployment.scratch)
        let code = try await process.exitCode()
        return process.output + process.errors + (code == 0 ? "" : "exit code \(code)")
    }
}
