/// Named values in one line, as in `files 3, found 10`; on a narrow terminal in several.
package struct FactLine: Sendable {
    private struct Fact: Sendable {
        var name: String
        var value: String
        var style: TextStyle

        var text: String { name.isEmpty ? value : "\(name) \(value)" }
    }

    private static let separator = ", "

    private let presentation: Presentation
    private var facts: [Fact] = []

    package init(_ presentation: Presentation) { self.presentation = presentation }

    /// Any texts: they are made printable here. A name may be empty.
    package mutating func add(_ name: String, _ value: String, _ style: TextStyle = .plain) {
        facts.append(Fact(name: name, value: TextTable.printable(value), style: style))
    }

    /// Each line with its LF; empty where there are no facts.
    package var text: String {
        guard !facts.isEmpty else { return "" }
        var lines: [String] = []
        var used = 0
        for fact in facts {
            let length = PrintedText.width(fact.text)
            // The separator that may follow has to fit, too.
            let isFitting = used + Self.separator.count + length < presentation.width ?? .max
            if lines.isEmpty || !isFitting {
                if !lines.isEmpty { lines[lines.count - 1] += "," }
                lines.append(shown(fact))
                used = length
            } else {
                lines[lines.count - 1] += Self.separator + shown(fact)
                used += Self.separator.count + length
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func shown(_ fact: Fact) -> String {
        // Room for the comma.
        let width = presentation.width.map { $0 - 1 } ?? .max
        let name = fact.name.isEmpty ? "" : PrintedText.cuttingEnd(fact.name + " ", to: width)
        let value = PrintedText.cuttingEnd(fact.value, to: width - PrintedText.width(name))
        return name + presentation.styled(value, fact.style)
    }
}
