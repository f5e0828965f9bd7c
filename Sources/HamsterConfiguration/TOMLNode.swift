private import TOMLKit

/// A TOML value, detached from the parser.
enum TOMLNode: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case time
    case array([TOMLNode])
    case table([String: TOMLNode])

    /// What the kind is called in an error.
    var kind: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .number: "a number"
        case .boolean: "a boolean"
        case .time: "a date or time"
        case .array: "a list"
        case .table: "a table"
        }
    }
}

/// Where a text stops being TOML.
struct TOMLSyntaxError: Error {
    /// Counted from 1.
    var line: Int
    var text: String
}

/// Parses a whole document.
func parseTOML(_ text: String) throws(TOMLSyntaxError) -> [String: TOMLNode] {
    try TOMLGuard.check(text) { (try? TOMLTable(string: $0)) != nil }
    do {
        return nodes(of: try TOMLTable(string: text))
    } catch let error as TOMLParseError {
        throw TOMLSyntaxError(line: error.source.begin.line, text: error.description)
    } catch {
        throw TOMLSyntaxError(line: 1, text: "\(error)")
    }
}

private func nodes(of table: TOMLTable) -> [String: TOMLNode] {
    var nodes: [String: TOMLNode] = [:]
    for key in table.keys { nodes[key] = table[key].flatMap(node) }
    return nodes
}

private func node(_ value: any TOMLValueConvertible) -> TOMLNode? {
    switch value.type {
    case .string: value.string.map { .string($0) }
    case .int: value.int.map { .integer($0) }
    case .double: value.double.map { .number($0) }
    case .bool: value.bool.map { .boolean($0) }
    case .date, .time, .dateTime: .time
    case .array: value.array.map { .array($0.compactMap(node)) }
    case .table: value.table.map { .table(nodes(of: $0)) }
    }
}
