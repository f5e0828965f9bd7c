/// Rows in columns, for a terminal. What a stranger may have chosen can neither forge a row nor drive the terminal.
package struct TextTable: Sendable {
    private let titles: [String]
    private var rows: [[String]] = []

    package init(_ titles: [String]) { self.titles = titles }

    package var isEmpty: Bool { rows.isEmpty }

    /// As many cells as there are titles.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == titles.count, "a row has a cell for every title")
        rows.append(cells.map { Self.printable($0) })
    }

    /// Each line with its LF.
    package var text: String {
        let all = [titles] + rows
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                // Nothing is put behind the last one.
                column == titles.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// Controls and invisible characters (such as those that turn the direction of a text) as `\u{…}`.
    package static func printable(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
