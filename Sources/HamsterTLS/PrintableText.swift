extension String {
    /// This text on one line: control and formatting characters are escaped, and what is beyond `limit` characters is
    /// cut. Names in a peer's certificate may hold anything, and error texts end up in terminals and logs.
    func printable(limit: Int) -> String {
        var text = ""
        for (index, character) in enumerated() {
            guard index < limit else { return text + "…" }
            for scalar in character.unicodeScalars {
                text += scalar.isPrintable ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}
