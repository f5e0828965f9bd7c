import Foundation
import HamsterTesting

/// A real Prometheus with a store of its own; it ends with the last reference.
struct Prometheus {
    static let program = "/usr/bin/prometheus"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    private let port: ReservedPort
    private let process: ChildProcess

    /// What it shows of itself, and whom it trusts, where the project's configuration says so in comments.
    struct Credentials {
        var ca: String
        var pair: CertificateAuthority.Pair
    }

    /// Starts it with the project's own configuration, which is in `deploy/`, and waits until it answers. It scrapes each
    /// job at a port of loopback, once a second. `extra` is put at the end, below `scrape_configs`.
    static func ofProject(
        scraping ports: [String: Int], as credentials: Credentials? = nil, extra: String = "",
        in scratch: ScratchDirectory
    ) async throws -> Prometheus {
        let directory = "\(Repository.root)/deploy/prometheus"
        var text = try String(contentsOfFile: "\(directory)/prometheus.yml", encoding: .utf8)
        if let credentials {
            text = text.replacing(/# (scheme:|tls_config:|  (ca|cert|key)_file:)/) { "\($0.output.1)" }
                .replacing("/etc/prometheus/loghamster-ca.pem", with: credentials.ca)
                .replacing("/etc/prometheus/prometheus.pem", with: credentials.pair.certificate)
                .replacing("/etc/prometheus/prometheus.key", with: credentials.pair.key)
        }
        text = text.replacing("interval: 30s", with: "interval: 1s")
            .replacing("loghamster.rules.yml", with: "\(directory)/loghamster.rules.yml")
        for (job, port) in ports {
            guard let start = text.range(of: "job_name: \(job)\n"),
                let targets = text[start.upperBound...].firstRange(of: /targets: \[.*\]/)
            else { throw TestingError("there is no job \(job) with targets in prometheus.yml") }
            text.replaceSubrange(targets, with: "targets: [\"127.0.0.1:\(port)\"]")
        }
        return try await Prometheus(configuration: text + extra, in: scratch)
    }

    /// Starts it, and waits until it answers.
    init(configuration: String, in scratch: ScratchDirectory) async throws {
        let port = try ReservedPort()
        let process = try ChildProcess(
            Self.program,
            [
                "--config.file", scratch.write("prometheus.yml", configuration),
                "--storage.tsdb.path", scratch("prometheus"), "--web.listen-address", "127.0.0.1:\(port.number)",
            ], in: scratch)
        (self.port, self.process) = (port, process)
        // Until it listens, connections are refused.
        try await eventually(
            "Prometheus to be ready; it said: \(process.errors.suffix(2_000))", every: .betweenRequests
        ) {
            guard process.isRunning else { throw TestingError("Prometheus has ended: \(process.errors)") }
            return (try? await HTTPAnswer.of(port: port.number, "/-/ready", version: "1.0"))?.status == 200
        }
    }

    /// What it answers to a query of this moment. Throws where it doesn't understand the query.
    func query(_ expression: String) async throws -> [Sample] {
        let vector: Vector = try await ask("query?query=\(Self.escaped(expression))")
        return vector.result
    }

    /// The values of a label among the series of a metric.
    func values(ofLabel label: String, metric: String) async throws -> [String] {
        try await ask("label/\(label)/values?match[]=\(Self.escaped(metric))")
    }

    func targets() async throws -> [Target] {
        let answer: Targets = try await ask("targets")
        return answer.activeTargets
    }

    func rules() async throws -> [Rule] {
        let answer: Groups = try await ask("rules")
        return answer.groups.flatMap(\.rules)
    }

    /// Waits until the last scrape of each job has gone well.
    func waitUntilUp(_ jobs: String...) async throws {
        try await eventually("scrapes of \(jobs): \(process.errors.suffix(2_000))", every: .betweenRequests) {
            let targets = try await targets()
            return jobs.allSatisfy { job in targets.contains { $0.job == job && $0.health == "up" } }
        }
    }

    /// Asks the HTTP API. With version 1.0 the answer has no pieces, and ends with the connection.
    private func ask<Data: Decodable>(_ page: String) async throws -> Data {
        let answer = try await HTTPAnswer.of(port: port.number, "/api/v1/\(page)", version: "1.0")
        let envelope = try JSONDecoder().decode(Envelope<Data>.self, from: Foundation.Data(answer.body))
        guard envelope.status == "success", let data = envelope.data else {
            throw TestingError("\(page.removingPercentEncoding ?? page): \(answer.text)")
        }
        return data
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }
}

extension Prometheus {
    /// One series of an answer, with its value.
    struct Sample: Decodable {
        var metric: [String: String]
        var value: Double

        private enum Keys: CodingKey { case metric, value }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Keys.self)
            metric = try members.decode([String: String].self, forKey: .metric)
            // The time as a number, the value as text.
            var pair = try members.nestedUnkeyedContainer(forKey: .value)
            _ = try pair.decode(Double.self)
            value = Double(try pair.decode(String.self)) ?? .nan
        }
    }

    struct Target: Decodable {
        var labels: [String: String]
        /// `up`, `down`, or `unknown` before the first scrape.
        var health: String
        /// Empty where there was none.
        var lastError: String

        var job: String? { labels["job"] }
    }

    struct Rule: Decodable {
        var name: String
        /// `ok`, `err`, or `unknown` before its first evaluation.
        var health: String
        /// Of an alert: `inactive`, `pending` or `firing`; what is recorded has none.
        var state: String?
        var lastError: String?
    }

    private struct Envelope<Data: Decodable>: Decodable {
        var status: String
        var data: Data?
    }

    private struct Vector: Decodable { var result: [Sample] }

    private struct Targets: Decodable { var activeTargets: [Target] }

    private struct Groups: Decodable {
        struct Group: Decodable { var rules: [Rule] }

        var groups: [Group]
    }
}
