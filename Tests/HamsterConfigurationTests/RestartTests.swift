import Testing

@testable import HamsterConfiguration

/// A reload asks for a restart where the reference says so, and nowhere else.
@Suite struct RestartTests {
    /// A configuration in which every table stands, by the table's name and its lines; one key is changed at a time.
    private struct Base {
        var program: KeyTable
        var tables: [(name: String, header: String, keys: [String: String])]
        /// Values where the form knows no other one that would be accepted.
        var others: [String: String]
        /// Keys that can't stand beside the others, and those whose tables are read in another way.
        var left: Set<String>
        var keysThatNeedRestart: @Sendable (_ old: String, _ new: String) throws -> [String]

        func text(changing key: String? = nil, of table: String = "", to value: String = "") -> String {
            tables.map { part in
                var keys = part.keys
                if let key, part.name == table { keys[key] = value }
                return part.header + "\n" + keys.map { "\($0) = \($1)\n" }.joined()
            }.joined()
        }
    }

    private static let credentials = ["cert": "\"c\"", "key": "\"k\"", "client_ca": "\"ca\""]

    private static let server = Base(
        program: .server,
        tables: [
            ("", "", [:]), ("tls", "[tls]", credentials), ("durability", "[durability]", [:]),
            ("limits", "[limits]", [:]), ("rate_limit", "[rate_limit]", [:]),
            (
                "proxy_protocol", "[proxy_protocol]",
                ["listen": "\"127.0.0.1:9\"", "from": "\"10.0.0.0/8\""]
            ),
            ("prometheus", "[prometheus]", ["enabled": "true"]),
            ("prometheus.tls", "[prometheus.tls]", credentials),
            ("output", "[output.a]", ["path": "\"{host}/{path}\""]),
        ],
        others: [
            "proxy_protocol.from": "\"10.1.0.0/16\"", "prometheus.enabled": "false",
            "prometheus.listen": "\"127.0.0.1:10\"", "prometheus.path": "\"/elsewhere\"",
            "output.path": "\"{host}/{svc}\"", "output.mode": "\"0600\"",
        ],
        left: ["output.deny"],
        keysThatNeedRestart: { try serverSettings($0).keysThatNeedRestart(for: serverSettings($1)) })

    private static let client = Base(
        program: .client,
        tables: [
            ("", "", ["hostname": "\"web1\""]), ("target", "[target]", ["hostname": "\"log\""]),
            ("target.tls", "[target.tls]", ["cert": "\"c\"", "key": "\"k\""]),
            ("input", "[[input]]", ["path": "\"/a.log\""]),
            ("prometheus", "[prometheus]", ["enabled": "true"]),
            ("prometheus.tls", "[prometheus.tls]", credentials),
        ],
        others: [
            "hostname": "\"web2\"", "target.hostname": "\"other\"", "target.tls.server_name": "\"other\"",
            "input.name": "\"other\"", "input.path": "\"/b.log\"", "input.exclude": "\"/c.log\"",
            "prometheus.enabled": "false", "prometheus.listen": "\"127.0.0.1:9\"",
            "prometheus.path": "\"/elsewhere\"",
        ],
        // A key and certificate in one file are what a renewal needs.
        left: ["target.hosts", "target.tls.renew"],
        keysThatNeedRestart: { try clientSettings($0).keysThatNeedRestart(for: clientSettings($1)) })

    @Test func `of the server`() throws { try expectRestarts(Self.server) }

    @Test func `of the client`() throws { try expectRestarts(Self.client) }

    private func expectRestarts(_ base: Base) throws {
        let text = base.text()
        #expect(try base.keysThatNeedRestart(text, text).isEmpty)
        var count = 0
        for part in base.tables {
            let table = try #require(part.name.split(separator: ".").reduce(base.program) { $0?.below(String($1)) })
            for key in table.keys {
                let name = part.name.isEmpty ? key.name : "\(part.name).\(key.name)"
                guard !base.left.contains(name), let other = base.others[name] ?? key.form.otherValue else { continue }
                count += 1
                do {
                    let restart = try base.keysThatNeedRestart(
                        text, base.text(changing: key.name, of: part.name, to: other))
                    #expect(restart.isEmpty == !key.needsRestart, "\(name): \(restart)")
                } catch {
                    Issue.record("\(name) = \(other): \(error)")
                }
            }
        }
        #expect(count > 30)
    }
}

extension KeyForm {
    /// Something else than the default, as it is written; nil for tables.
    fileprivate var otherValue: String? {
        switch self {
        case .boolean(let value): "\(!(value ?? false))"
        case .integer(let range, _): "\(range.upperBound)"
        case .size(let range, _): "\(range.upperBound)"
        case .rate: "\"1 GiB/s\""
        case .duration(let range, _): "\"\(Quantity.text(duration: range.upperBound))\""
        case .choice(let names, let value): names.first { $0 != value }.map { "\"\($0)\"" }
        case .path: "\"/elsewhere\""
        case .texts: "[\"127.0.0.1:1\"]"
        case .text, .table, .tables, .namedTables, .freeTable: nil
        }
    }
}
