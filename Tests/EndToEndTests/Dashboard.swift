import Foundation
import HamsterTesting

/// What a Grafana dashboard asks of Prometheus.
struct Dashboard: Decodable {
    struct Panel: Decodable {
        struct Target: Decodable { var expr: String }

        var title: String
        /// Nil: a row.
        var targets: [Target]?
    }

    /// What the user can choose above the panels.
    struct Variable: Decodable {
        /// Nil: it chooses among data sources.
        var labelValues: (metric: String, label: String)?
        var name: String
        /// What "All" stands for; nil: each value.
        var allValue: String?

        private enum Keys: CodingKey { case name, type, query, allValue }
        private struct Query: Decodable { var query: String }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Keys.self)
            name = try members.decode(String.self, forKey: .name)
            allValue = try members.decodeIfPresent(String.self, forKey: .allValue)
            guard try members.decode(String.self, forKey: .type) == "query" else { return }
            let text = try members.decode(Query.self, forKey: .query).query
            guard let match = text.wholeMatch(of: /label_values\((\w+), (\w+)\)/) else {
                throw TestingError("'\(text)' is none of the queries that this knows")
            }
            labelValues = (String(match.1), String(match.2))
        }

        /// As Grafana puts it into an expression, where all values are chosen.
        func text(_ values: [String]) -> String {
            if let allValue { return allValue }
            let escaped = values.map { $0.replacing(".", with: "\\\\.") }
            return values.count == 1 ? escaped[0] : "(\(escaped.joined(separator: "|")))"
        }
    }

    private struct Templating: Decodable { var list: [Variable] }

    private var templating: Templating
    private var panels: [Panel]

    var variables: [Variable] { templating.list }
    var expressions: [String] { panels.flatMap { $0.targets ?? [] }.map(\.expr) }

    static func ofProject() throws -> Dashboard {
        let file = "\(Repository.root)/deploy/grafana/loghamster.json"
        return try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: URL(filePath: file)))
    }
}
