import Foundation
import HamsterMetrics
import HamsterTesting
import Testing

@testable import HamsterClient
@testable import HamsterServer

/// docs/metrics.md lists exactly what the programs have.
struct CataloguesAreDocumentedTests {
    @Test func `every metric of the server is documented, and nothing else`() throws {
        let documented = try rows("## Server") + rows("## Both")

        #expect(documented == descriptions(in: ServerMetrics()).map(Row.init))
    }

    @Test func `every metric of the client is documented, and nothing else`() throws {
        let documented = try rows("## Client") + rows("## Both")

        #expect(documented == descriptions(in: ClientMetrics()).map(Row.init))
    }

    @Test(arguments: [descriptions(in: ServerMetrics()), descriptions(in: ClientMetrics())])
    func `names follow the rules of Prometheus`(metrics: [MetricDescription]) {
        #expect(Set(metrics.map(\.name)).count == metrics.count)
        for metric in metrics {
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.name.wholeMatch(of: /(loghamster|process)(_[a-z]+)+/) != nil, "\(metric.name)")
            #expect(metric.labels.allSatisfy { $0.wholeMatch(of: /[a-z]+/) != nil }, "\(metric.labels)")
            #expect(!metric.help.isEmpty && !metric.help.hasSuffix("."), "\(metric.name)")
        }
    }

    @Test func `rules look only at metrics that exist`() throws {
        let rules = try String(
            contentsOfFile: "\(Repository.root)/deploy/prometheus/loghamster.rules.yml", encoding: .utf8)
        // What is recorded has names of its own.
        let expressions = rules.split(separator: "\n").filter { !$0.contains("record:") }.joined(separator: "\n")
        let names = expressions.matches(of: /loghamster_[a-z_]+/).map { String($0.output) }
        let used = Set(names.map { $0.replacing(/_bucket$/, with: "") })
        let known = Set((descriptions(in: ServerMetrics()) + descriptions(in: ClientMetrics())).map(\.name))

        #expect(used.count > 8)
        #expect(used.subtracting(known) == [])
    }

    @Test func `the dashboard looks only at metrics and labels that exist`() throws {
        let text = try String(
            contentsOfFile: "\(Repository.root)/deploy/grafana/loghamster.json", encoding: .utf8)
        let known = descriptions(in: ServerMetrics()) + descriptions(in: ClientMetrics())
        let names = Set(text.matches(of: /(loghamster|process)(_[a-z]+)+/).map { String($0.output.0) })
        let used = Set(names.map { $0.replacing(/_bucket$/, with: "") })
        let labels = Set(text.matches(of: /{{([a-z]+)}}/).map { String($0.output.1) })

        #expect(used.count > 25)
        #expect(used.subtracting(known.map(\.name)) == [])
        #expect(labels.subtracting(known.flatMap(\.labels) + ["instance"]) == [])
    }

    @Test func `alerts fire when they have to, and not otherwise`() async throws {
        let scratch = try ScratchDirectory()
        let directory = "\(Repository.root)/deploy/prometheus"
        try #require(FileManager.default.fileExists(atPath: "\(directory)/loghamster.rules.test.yml"))
        let commands = [
            ["test", "rules", "\(directory)/loghamster.rules.test.yml"],
            ["check", "config", "\(directory)/prometheus.yml"],
        ]
        guard FileManager.default.isExecutableFile(atPath: Self.promtool) else {
            print("promtool is missing: alert rules were not tested; apt-get install prometheus")
            return
        }
        for arguments in commands {
            let process = try ChildProcess(Self.promtool, arguments, in: scratch)
            #expect(try await process.exitCode() == 0, "\(process.output) \(process.errors)")
        }
    }

    private static let promtool = "/usr/bin/promtool"

    /// The rows of the table below a heading.
    private func rows(_ heading: String) throws -> [Row] {
        let text = try String(contentsOfFile: "\(Repository.root)/docs/metrics.md", encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n\(heading)\n").dropFirst().first)
            .components(separatedBy: "\n## ")[0]
        return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(Row.init)
    }
}

private struct Row: Equatable {
    var name: String
    var kind: String
    var labels: [String]

    init(_ line: Substring) {
        let cells = line.split(separator: "|").map { $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces) }
        (name, kind) = (cells[0], cells[1])
        labels = cells[2].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    init(_ metric: MetricDescription) {
        (name, kind, labels) = (metric.name, metric.kind.rawValue, metric.labels)
    }
}

/// The members of a catalogue that are metrics, in their order.
private func descriptions(in catalogue: Any) -> [MetricDescription] {
    Mirror(reflecting: catalogue).children.flatMap { child -> [MetricDescription] in
        switch child.value {
        case let metric as MetricDescription: [metric]
        case let family as CounterFamily: [family.description]
        case let histogram as Histogram: [histogram.description]
        case let process as ProcessMetrics: descriptions(in: process)
        default: []
        }
    }
}
