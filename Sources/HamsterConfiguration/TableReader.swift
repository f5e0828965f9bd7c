/// Reads one table's keys by name and type. Every problem goes to the reading as a whole, which goes on; the caller gets
/// the default in place of what is wrong.
struct TableReader {
    private let reading: ConfigurationReading
    private let table: [String: TOMLNode]
    /// With a dot at its end, or empty.
    private let prefix: String

    init(_ reading: ConfigurationReading, table: [String: TOMLNode], prefix: String) {
        self.reading = reading
        self.table = table
        self.prefix = prefix
    }

    /// The table's keys in the order of the alphabet, for tables that name things.
    var keys: [String] { table.keys.sorted() }

    func has(_ key: String) -> Bool { table[key] != nil }

    func report(_ key: String, _ text: String) { reading.report(prefix + key, text) }

    // MARK: Values

    func string(_ key: String) -> String? {
        let value = take(key, "a string in quotes") { if case .string(let text) = $0 { text } else { nil } }
        reading.note(prefix, key, value.map(quoted))
        return value
    }

    func required(_ key: String, _ what: String) -> String? {
        if table[key] == nil, !reading.isBroken(key) { report(key, "missing: \(what)") }
        return string(key)
    }

    func bool(_ key: String, default fallback: Bool) -> Bool {
        let value = take(key, "true or false") { if case .boolean(let value) = $0 { value } else { nil } } ?? fallback
        reading.note(prefix, key, "\(value)")
        return value
    }

    func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        let what = "an integer from \(range.lowerBound) to \(range.upperBound)"
        let value =
            take(key, what) { node in
                if case .integer(let value) = node, range.contains(value) { value } else { nil }
            } ?? fallback
        reading.note(prefix, key, "\(value)")
        return value
    }

    /// In bytes.
    func size(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        let what =
            "a size such as \"64 KiB\", from \(Quantity.text(size: range.lowerBound)) to \(Quantity.text(size: range.upperBound))"
        let value =
            take(key, what) { node in
                switch node {
                case .string(let text): Quantity.size(text).flatMap { range.contains($0) ? $0 : nil }
                case .integer(let value): range.contains(value) ? value : nil
                case .number, .boolean, .time, .array, .table: nil
                }
            } ?? fallback
        reading.note(prefix, key, quoted(Quantity.text(size: value)))
        return value
    }

    func duration(_ key: String, in range: ClosedRange<Duration>, default fallback: Duration) -> Duration {
        let value = optionalDuration(key, in: range) ?? fallback
        reading.note(prefix, key, quoted(Quantity.text(duration: value)))
        return value
    }

    func optionalDuration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        let what =
            "a duration such as \"200ms\" or \"5s\", from \(Quantity.text(duration: range.lowerBound)) to \(Quantity.text(duration: range.upperBound))"
        let value = take(key, what) { node -> Duration? in
            guard case .string(let text) = node, let value = Quantity.duration(text), range.contains(value) else {
                return nil
            }
            return value
        }
        reading.note(prefix, key, value.map { quoted(Quantity.text(duration: $0)) })
        return value
    }

    func choice<Value>(_ key: String, _ choices: KeyValuePairs<String, Value>, default fallback: String) -> Value? {
        let names = choices.map { "\"\($0.key)\"" }.joined(separator: " or ")
        let name =
            take(key, names) { node in
                if case .string(let text) = node, choices.contains(where: { $0.key == text }) { text } else { nil }
            } ?? fallback
        reading.note(prefix, key, quoted(name))
        return choices.first { $0.key == name }?.value
    }

    /// A string or a list of strings.
    func strings(_ key: String) -> [String] {
        let value =
            take(key, "a string or a list of strings") { node -> [String]? in
                switch node {
                case .string(let text): return [text]
                case .array(let nodes):
                    let texts = nodes.compactMap { node -> String? in
                        if case .string(let text) = node { text } else { nil }
                    }
                    return texts.count == nodes.count ? texts : nil
                case .integer, .number, .boolean, .time, .table: return nil
                }
            } ?? []
        reading.note(prefix, key, value.isEmpty ? nil : "[\(value.map(quoted).joined(separator: ", "))]")
        return value
    }

    /// A path, made absolute from the configuration file's directory.
    func path(_ key: String) -> String? {
        guard let text = string(key) else { return nil }
        guard !text.isEmpty else {
            report(key, "expected a path, got an empty string")
            return nil
        }
        let path = reading.absolute(text)
        reading.note(prefix, key, quoted(path))
        return path
    }

    // MARK: Tables

    /// The table below `key`; an empty one where there is none.
    func table(_ key: String) -> TableReader {
        let below = take(key, "a table") { node -> [String: TOMLNode]? in
            if case .table(let below) = node { below } else { nil }
        }
        return TableReader(reading, table: below ?? [:], prefix: "\(prefix)\(key).")
    }

    /// The tables of `[[key]]`.
    func tables(_ key: String) -> [TableReader] {
        let nodes =
            take(key, "tables, each headed [[\(key)]]") { node -> [[String: TOMLNode]]? in
                guard case .array(let nodes) = node else { return nil }
                let tables = nodes.compactMap { node -> [String: TOMLNode]? in
                    if case .table(let below) = node { below } else { nil }
                }
                return tables.count == nodes.count ? tables : nil
            } ?? []
        return nodes.enumerated().map { index, below in
            TableReader(reading, table: below, prefix: "\(prefix)\(key)[\(index)].")
        }
    }

    // MARK: The end of a table

    /// Keys of the contract that this version can't do anything with.
    func refuseUnsupported(_ keys: String...) {
        for key in keys {
            reading.markKnown(prefix, key)
            if table[key] != nil { report(key, "not supported yet: take it out") }
        }
    }

    /// Reports every key that was not asked for. Call it last.
    func finish() {
        let known = reading.knownKeys(prefix)
        for key in keys where !known.contains(key) {
            let hint = nearestKey(to: key, among: known).map { "did you mean '\($0)'?" }
            report(key, "unknown key (\(hint ?? "known here: \(known.sorted().joined(separator: ", "))"))")
        }
    }

    private func take<Value>(_ key: String, _ what: String, _ convert: (TOMLNode) -> Value?) -> Value? {
        reading.markKnown(prefix, key)
        guard let node = table[key] else { return nil }
        guard let value = convert(node) else {
            report(key, "expected \(what), got \(describe(node))")
            return nil
        }
        return value
    }

    private func describe(_ node: TOMLNode) -> String {
        switch node {
        case .string(let text): quoted(text)
        case .integer(let value): "\(value)"
        case .number, .boolean, .time, .array, .table: node.kind
        }
    }

    private func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            default:
                scalar.value < 0x20
                    ? "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16) : String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
