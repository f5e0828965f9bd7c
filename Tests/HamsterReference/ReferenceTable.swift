package import HamsterConfiguration

/// A table of a configuration as the reference shows it: which keys, what they take, what holds without them.
package struct ReferenceTable: Sendable {
    /// `loghamsterd`, or `loghamsterd limits`, with dots between nested names.
    package let name: String
    /// As in a file: `[target.tls]`, `[[input]]`, `[output.NAME]`; empty for the keys at the beginning.
    package let heading: String
    package let keys: [KeyDescription]

    /// Every table of a program, each before those below it.
    package static func all(of program: String, _ table: KeyTable) -> [ReferenceTable] {
        tables(below: table, program, "")
    }

    private static func tables(below table: KeyTable, _ program: String, _ path: String) -> [ReferenceTable] {
        let own = ReferenceTable(
            name: path.isEmpty ? program : "\(program) \(path)", heading: path.isEmpty ? "" : "[\(path)]",
            keys: table.keys)
        return table.keys.reduce(into: [own]) { result, key in
            // What is said of `prometheus.tls` is where its keys are listed: those of the server's own `tls`.
            guard let below = table.below(key.name), path != "prometheus" else { return }
            let name = path.isEmpty ? key.name : "\(path).\(key.name)"
            switch key.form {
            case .tables:
                var tables = tables(below: below, program, name)
                tables[0] = ReferenceTable(name: tables[0].name, heading: "[[\(name)]]", keys: below.keys)
                result += tables
            case .namedTables: result += tables(below: below, program, "\(name).NAME")
            default: result += tables(below: below, program, name)
            }
        }
    }
}
