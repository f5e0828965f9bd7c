/// Rows in columns. What a stranger may have chosen can neither forge a row nor drive the terminal.
package struct TextTable: Sendable {
    /// One column, and what becomes of it on a terminal; for programs all are as wide as they have to be, and begin at the left.
    package struct Column: Sendable {
        /// What is done where the table is wider than the terminal.
        package enum Fitting: Sendable {
            /// The column stays whole as long as another one can be cut.
            case whole
            /// Its cells lose their middle, as paths do.
            case middle
            /// Its cells lose their end.
            case end
        }

        fileprivate var title: String
        fileprivate var isNumber: Bool
        fileprivate var fitting: Fitting
        fileprivate var isOptional: Bool

        /// `isNumber`: to the right. `isOptional`: left out where no row says anything in it.
        package init(_ title: String, isNumber: Bool = false, fitting: Fitting = .whole, isOptional: Bool = false) {
            self.title = title
            self.isNumber = isNumber
            self.fitting = fitting
            self.isOptional = isOptional
        }
    }

    /// One value and what it means.
    package struct Cell: Sendable {
        fileprivate var text: String
        fileprivate var style: TextStyle

        /// Any text: it is made printable here.
        package init(_ text: String, _ style: TextStyle = .plain) {
            self.text = TextTable.printable(text)
            self.style = text == TextTable.nothing ? .plain : style
        }
    }

    /// What stands where there is nothing to say.
    package static let nothing = "-"
    private static let separator = "  "
    /// The least that a column is cut to.
    private static let widthMin = 12

    private let columns: [Column]
    private let presentation: Presentation
    private var rows: [[Cell]] = []

    package init(_ columns: [Column], _ presentation: Presentation) {
        self.columns = columns
        self.presentation = presentation
    }

    /// As many cells as there are columns.
    package mutating func add(_ cells: [Cell]) {
        precondition(cells.count == columns.count, "a row has a cell for every column")
        rows.append(cells)
    }

    /// Each line with its LF; empty where there are no rows.
    package var text: String {
        guard !rows.isEmpty else { return "" }
        let shown = columns.indices.filter { index in
            !presentation.isForPeople || !columns[index].isOptional
                || rows.contains { !["", Self.nothing].contains($0[index].text) }
        }
        let titles = columns.map { Cell($0.title, .heading) }
        let lines = ([titles] + rows).map { row in shown.map { row[$0] } }
        let kept = shown.map { columns[$0] }
        let limits = widths(of: kept, lines)
        return lines.map { line($0, kept, limits) + "\n" }.joined()
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

extension TextTable {
    /// As wide as the longest cell; on a terminal those columns that can be cut share what there is.
    private func widths(of columns: [Column], _ lines: [[Cell]]) -> [Int] {
        var widths = columns.indices.map { column in lines.map { PrintedText.width($0[column].text) }.max() ?? 0 }
        guard let terminal = presentation.width else { return widths }
        let separators = Self.separator.count * (columns.count - 1)
        while widths.reduce(separators, +) > terminal {
            let cut = columns.indices.filter { columns[$0].fitting != .whole && widths[$0] > Self.widthMin }
            guard let widest = cut.max(by: { widths[$0] < widths[$1] }) else { return widths }
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ cells: [Cell], _ columns: [Column], _ widths: [Int]) -> String {
        var line = ""
        var left = presentation.width ?? .max
        for (index, cell) in cells.enumerated() {
            // Beyond the terminal's edge there is nothing.
            let width = min(widths[index], left)
            guard width > 0 else { break }
            let text = fitted(cell.text, columns[index], width)
            let padding = String(repeating: " ", count: max(0, width - PrintedText.width(text)))
            let isRight = presentation.isForPeople && columns[index].isNumber
            line += (index > 0 ? Self.separator : "") + (isRight ? padding : "")
            line += presentation.styled(text, cell.style)
            // Nothing is put behind the last one.
            if !isRight, index < cells.count - 1 { line += padding }
            left -= width + Self.separator.count
        }
        return line
    }

    private func fitted(_ text: String, _ column: Column, _ width: Int) -> String {
        switch column.fitting {
        case .middle: PrintedText.cuttingMiddle(text, to: width)
        case .whole, .end: PrintedText.cuttingEnd(text, to: width)
        }
    }
}
