internal import HamsterConfiguration

/// The tables in docs/configuration.md, between markers, so that the prose around them is written by hand.
package enum MarkdownReference {
    /// What is wrong with the document's markers.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private static let start = "<!-- keys of "
    private static let startEnd = " -->\n"
    private static let end = "<!-- end of keys -->\n"

    /// The document with each table as the sources have it. Throws where a marker names no table, or a table has none.
    package static func updating(_ document: String, _ tables: [ReferenceTable]) throws(Failure) -> String {
        var result = ""
        var rest = document[...]
        var missing = tables.map(\.name)
        while let marker = rest.firstRange(of: start) {
            guard let nameEnd = rest[marker.upperBound...].firstRange(of: startEnd),
                let tableEnd = rest[nameEnd.upperBound...].firstRange(of: end)
            else { throw Failure(description: "a marker without its end") }
            let name = String(rest[marker.upperBound..<nameEnd.lowerBound])
            guard let table = tables.first(where: { $0.name == name }) else {
                throw Failure(description: "there are no keys of \(name)")
            }
            missing.removeAll { $0 == name }
            result += rest[..<nameEnd.upperBound] + "\n" + text(table) + "\n" + end
            rest = rest[tableEnd.upperBound...]
        }
        guard missing.isEmpty else { throw Failure(description: "no marker for: \(missing.joined(separator: ", "))") }
        return result + rest
    }

    private static func text(_ table: ReferenceTable) -> String {
        let rows = table.keys.map { key in
            "| `\(key.name)` | \(key.syntax) | \(key.defaultText) | \(key.needsRestart ? "restart" : "reload") | "
                + "\(key.meaning) |\n"
        }
        return "| key | value | default | change by | meaning |\n|---|---|---|---|---|\n" + rows.joined()
    }
}
