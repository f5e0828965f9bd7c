internal import HamsterRateLimit

/// A key of a configuration: what the reader goes by, and what the reference says of it. All of them are in ``KeyTable``s.
package struct KeyDescription: Sendable {
    package let name: String
    package let form: KeyForm
    /// Whether a change takes effect at the next start only; else at the next reload.
    package let needsRestart: Bool
    /// One line of Markdown.
    package let meaning: String
    /// Markdown in place of what the form says of the value.
    private let syntaxNote: String?
    /// Markdown in place of the form's default, where that depends on something.
    private let defaultNote: String?

    init(
        _ name: String, _ form: KeyForm, syntax: String? = nil, default note: String? = nil,
        needsRestart: Bool = false, _ meaning: String
    ) {
        self.name = name
        self.form = form
        syntaxNote = syntax
        defaultNote = note
        self.needsRestart = needsRestart
        self.meaning = meaning
    }

    /// What may be written, in Markdown.
    package var syntax: String { syntaxNote ?? form.syntax }

    /// What holds without the key, in Markdown.
    package var defaultText: String { defaultNote ?? form.defaultText.map { "`\($0)`" } ?? "none" }
}

/// What may stand behind a key, and the value without it; nil where there is none, or where the reader finds it.
package enum KeyForm: Sendable {
    case boolean(Bool? = nil)
    case integer(ClosedRange<Int>, Int? = nil)
    /// In bytes.
    case size(ClosedRange<Int>, Int? = nil)
    /// In bytes a second.
    case rate
    case duration(ClosedRange<Duration>, Duration? = nil)
    case choice([String], String? = nil)
    case text(String? = nil)
    /// A string or a list of strings.
    case texts([String] = [])
    case path(String? = nil)
    case table(KeyTable)
    /// Tables headed `[[key]]`.
    case tables(KeyTable)
    /// Tables headed `[key.NAME]`, with names of the user's choice.
    case namedTables(KeyTable)
    /// A table with keys of the user's choice.
    case freeTable

    fileprivate var syntax: String {
        switch self {
        case .boolean: "`true`, `false`"
        case .integer(let range, _): "\(range.lowerBound) to \(range.upperBound)"
        case .size(let range, _):
            "size, \(Quantity.text(size: range.lowerBound)) to \(Quantity.text(size: range.upperBound))"
        case .rate: "rate, at least \(Quantity.text(size: RateLimits.range.lowerBound))/s"
        case .duration(let range, _):
            "duration, \(Quantity.text(duration: range.lowerBound)) to \(Quantity.text(duration: range.upperBound))"
        case .choice(let names, _): names.map { "`\(quoted($0))`" }.joined(separator: ", ")
        case .text: "string"
        case .texts: "string, or a list"
        case .path: "path"
        case .table, .namedTables, .freeTable: "table"
        case .tables: "tables"
        }
    }

    /// As it would be written in a file; nil: there is none.
    fileprivate var defaultText: String? {
        switch self {
        case .boolean(let value): value.map { "\($0)" }
        case .integer(_, let value): value.map { "\($0)" }
        case .size(_, let value): value.map { quoted(Quantity.text(size: $0)) }
        case .duration(_, let value): value.map { quoted(Quantity.text(duration: $0)) }
        case .choice(_, let value), .text(let value), .path(let value): value.map(quoted)
        case .texts(let values):
            values.count == 1
                ? quoted(values[0]) : values.isEmpty ? nil : "[\(values.map(quoted).joined(separator: ", "))]"
        case .rate, .table, .tables, .namedTables, .freeTable: nil
        }
    }
}

/// The keys that a table may have, in the order of the reference.
package struct KeyTable: Sendable {
    package let keys: [KeyDescription]

    init(_ keys: [KeyDescription]) { self.keys = keys }

    /// What is known of a key; nil: it is unknown here.
    package subscript(name: String) -> KeyDescription? { keys.first { $0.name == name } }

    /// The table below a key, whichever kind of tables that has; nil: there is none.
    package func below(_ name: String) -> KeyTable? {
        switch self[name]?.form {
        case .table(let table), .tables(let table), .namedTables(let table): table
        default: nil
        }
    }
}
