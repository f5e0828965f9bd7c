import Foundation
import HamsterTesting
import Testing

/// A real Prometheus with the configuration, the alerts and the dashboard that come with Log Hamster.
@Suite(.enabled(if: Prometheus.isInstalled, "apt-get install prometheus"), .timeLimit(.minutes(10)))
struct PrometheusScrapesBothProgramsTests {
    private let serverPort: ReservedPort
    private let clientPort: ReservedPort

    init() throws { (serverPort, clientPort) = (try ReservedPort(), try ReservedPort()) }

    @Test func `every query of the dashboard is answered, and alerts fire at the first event of their kind`()
        async throws
    {
        let deployment = try await Deployment()
        let programs = try await startPrograms(deployment)
        let prometheus = try await startPrometheus(deployment)
        try await prometheus.waitUntilUp("loghamsterd", "loghamsterc")

        let text = logText(bytes: 300_000)
        try deployment.scratch.write("source/app.log", text)
        try await deployment.waitUntilStored("app.log", text)
        try await makeTrouble(deployment, programs)

        try await expectDashboard(from: prometheus, sum: text.count)
        try await expectAlerts("LogHamsterReloadFailed", "LogHamsterOutputErrors", from: prometheus)
        try await loseBytes(deployment, programs.server)
        try await expectAlerts("LogHamsterBytesLost", from: prometheus)
    }

    @Test func `the rules are loaded, and can be evaluated`() async throws {
        let deployment = try await Deployment()
        _ = try await startPrograms(deployment)
        let prometheus = try await startPrometheus(deployment)
        let file = "\(Repository.root)/deploy/prometheus/loghamster.rules.yml"
        let names = try String(contentsOfFile: file, encoding: .utf8).matches(of: /- (?:alert|record): ([\w:]+)/)

        let rules = try await awaited("a first evaluation of each rule", every: .betweenRequests) {
            let rules = try await prometheus.rules()
            return rules.contains { $0.health == "unknown" } ? nil : rules
        }
        #expect(rules.map(\.name).sorted() == names.map { String($0.output.1) }.sorted() && !rules.isEmpty)
        #expect(rules.allSatisfy { $0.health == "ok" }, "\(rules)")
        try await prometheus.waitUntilUp("loghamsterd", "loghamsterc")
        #expect(try await prometheus.targets().allSatisfy { $0.lastError.isEmpty })
    }

    // MARK: Scene

    private struct Programs {
        let server: ChildProcess
        let client: ChildProcess
    }

    private func table(_ port: ReservedPort) -> String {
        "[prometheus]\nenabled = true\nlisten = \"127.0.0.1:\(port.number)\"\n"
    }

    private func startPrograms(_ deployment: Deployment) async throws -> Programs {
        let server = try await startServer(deployment)
        let client = try deployment.startClient(
            input: "path = \"source/*.log\"\nname = \"app\"\n\(table(clientPort))")
        try await client.waitForError("metrics are offered")
        return Programs(server: server, client: client)
    }

    private func startServer(_ deployment: Deployment) async throws -> ChildProcess {
        let server = try await deployment.startServer(
            extra: table(serverPort) + "[output.broken]\npath = \"broken.log\"\n")
        try await server.waitForError("metrics are offered")
        return server
    }

    private func startPrometheus(_ deployment: Deployment) async throws -> Prometheus {
        try await .ofProject(
            scraping: ["loghamsterd": serverPort.number, "loghamsterc": clientPort.number], in: deployment.scratch)
    }

    /// One of each: a stranger, a refusal, an output that can't be written, a stream that ends, reloads that fail.
    private func makeTrouble(_ deployment: Deployment, _ programs: Programs) async throws {
        let scratch = deployment.scratch
        await #expect(throws: TLSConnection.Refused.self) { try await TLSConnection.greeted(port: deployment.port) }
        let connection = try await TLSConnection.greeted(port: deployment.port, as: deployment.clientPair)
        #expect(try await connection.ask("INIT STREAM other:/a.log").hasPrefix("403 "))
        let output = scratch("stored/broken.log")
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        #expect(
            try await connection.ask("INIT STREAM web1:/a.log svc:broken ack:1 file:f offset:0").hasPrefix("507 "))
        try await connection.open("web1:/a.log ack:1 file:f offset:0")
        try await connection.finish()

        for (name, process) in [("server", programs.server), ("client", programs.client)] {
            try scratch.write("\(name).toml", "nonsense")
            process.send(signal: SIGHUP)
            try await process.waitForError("configuration is not reloaded")
        }
    }

    /// Bytes that the client has seen are cut off while there is no server.
    private func loseBytes(_ deployment: Deployment, _ server: ChildProcess) async throws {
        try await server.killNow()
        let failures = #"loghamster_client_connects_total{result="failed",reason="unreachable"}"#
        try deployment.scratch.append("source/app.log", logText(bytes: 1_000))
        // The attempt after the next one begins after this moment, with a look at the file.
        let count = try await client(failures)
        try await eventually("attempts to connect", every: .betweenRequests) { try await client(failures) >= count + 2 }
        try deployment.scratch.write("source/app.log", "new\n")
        try await eventually("the loss", every: .betweenRequests) {
            try await client(#"loghamster_client_lost_bytes_total{input="app"}"#) > 0
        }
    }

    /// The value of a series of the client; 0 where there is none.
    private func client(_ series: String) async throws -> Double {
        try await HTTPAnswer.of(port: clientPort.number, "/metrics").value(series) ?? 0
    }

    // MARK: Expectations

    private func expectAlerts(_ names: String..., from prometheus: Prometheus) async throws {
        try await eventually("\(names) to fire", every: .betweenRequests) {
            let firing = try await prometheus.rules().filter { $0.state == "firing" }.map(\.name)
            return Set(names).isSubset(of: firing)
        }
    }

    /// Each query has an answer with numbers in it, and the numbers are those of this server alone. `sum`: bytes that were
    /// shipped at least.
    private func expectDashboard(from prometheus: Prometheus, sum: Int) async throws {
        let dashboard = try Dashboard.ofProject()
        var values = ["$__rate_interval": "1m"]
        for variable in dashboard.variables {
            guard let (metric, label) = variable.labelValues else { continue }
            let known = try await awaited("values of \(label)", every: .betweenRequests) {
                let known = try await prometheus.values(ofLabel: label, metric: metric)
                return known.isEmpty ? nil : known
            }
            values["$\(variable.name)"] = variable.text(known)
        }
        #expect(values["$host"] == "web1")
        #expect(dashboard.expressions.count > 30)
        for expression in dashboard.expressions {
            let query = values.reduce(expression) { $0.replacing($1.key, with: $1.value) }
            #expect(!query.contains("$"), "\(query)")
            let samples = try await awaited("an answer to \(query)", every: .betweenRequests) {
                let samples = try await prometheus.query(query)
                return samples.isEmpty || samples.contains(where: \.value.isNaN) ? nil : samples
            }
            let instances = Set(samples.compactMap { $0.metric["instance"] })
            let port = expression.contains("$client") ? clientPort : serverPort
            #expect(instances.isSubset(of: ["127.0.0.1:\(port.number)"]), "\(query): \(instances)")
        }
        let received = try await prometheus.query("sum(loghamster_received_bytes_total)").map(\.value)
        #expect(try #require(received.first) >= Double(sum))
    }
}
