/// One thing that is wrong with a configuration.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file, or the option or variable that the value came from.
    package var origin: String
    /// Nil where the problem is in no line: a missing key, an option.
    package var line: Int?
    /// The key with its tables, as in `target.tls.ca` or `input[0].path`; empty for the file as a whole.
    package var key: String
    /// What is wrong, and what is expected.
    package var text: String

    /// One line, whatever the file holds.
    package var description: String {
        let place = line.map { "\(origin):\($0)" } ?? origin
        return Self.printable(key.isEmpty ? "\(place): \(text)" : "\(place): \(key): \(text)")
    }

    /// What would steer a terminal or break the line is escaped.
    private static func printable(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\\u{\(String(scalar.value, radix: 16))}"
            default: String(scalar)
            }
        }.joined()
    }
}

/// Everything that is wrong with a configuration, at once.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// Never empty; in the order of the file.
    package var problems: [ConfigurationProblem]

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
