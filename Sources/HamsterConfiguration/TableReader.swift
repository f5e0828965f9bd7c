internal import HamsterRateLimit

/// Reads one table's keys by name and type. Every problem goes to the reading as a whole, which goes on; the caller gets
/// the default in place of what is wrong.
struct TableReader {
    private let reading: ConfigurationReading
    private let table: [String: TOMLNode]
    private let place: TablePlace
    /// Something else stands in the table's place and was reported: what is missing in it is no news.
    let isMisread: Bool

    init(_ reading: ConfigurationReading, table: [String: TOMLNode]?, place: TablePlace) {
        self.reading = reading
        self.table = table ?? [:]
        isMisread = table == nil
        self.place = place
    }

    /// The table's keys in the order of the alphabet, for tables that name things.
    var keys: [String] { table.keys.sorted() }

    func has(_ key: String) -> Bool { table[key] != nil }

    /// Whether a list is there and holds nothing.
    func isEmptyList(_ key: String) -> Bool { table[key] == .array([]) }

    func report(_ key: String, _ text: String) { reading.report(place.prefix + keyText(key), text) }

    // MARK: Values

    func string(_ key: String) -> String? {
        let value = take(key, "a string in quotes") { if case .string(let text) = $0 { text } else { nil } }
        note(key, value.map(quoted))
        return value
    }

    func string(_ key: String, default fallback: String) -> String {
        let value = string(key) ?? fallback
        note(key, quoted(value))
        return value
    }

    func required(_ key: String, _ what: String) -> String? {
        if table[key] == nil, !isMisread, !reading.isBroken(key) { report(key, "missing: \(what)") }
        return string(key)
    }

    func bool(_ key: String, default fallback: Bool) -> Bool {
        let value = take(key, "true or false") { if case .boolean(let value) = $0 { value } else { nil } } ?? fallback
        note(key, "\(value)")
        return value
    }

    func integer(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        let value = optionalInteger(key, in: range) ?? fallback
        note(key, "\(value)")
        return value
    }

    func optionalInteger(_ key: String, in range: ClosedRange<Int>) -> Int? {
        let what = "an integer from \(range.lowerBound) to \(range.upperBound)"
        let value = take(key, what) { node in
            if case .integer(let value) = node, range.contains(value) { value } else { nil }
        }
        note(key, value.map { "\($0)" })
        return value
    }

    /// In bytes.
    func size(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        let value = optionalSize(key, in: range) ?? fallback
        note(key, quoted(Quantity.text(size: value)))
        return value
    }

    /// In bytes.
    func optionalSize(_ key: String, in range: ClosedRange<Int>) -> Int? {
        let what =
            "a size such as \"64 KiB\", from \(Quantity.text(size: range.lowerBound)) to \(Quantity.text(size: range.upperBound))"
        let value = take(key, what) { node -> Int? in
            switch node {
            case .string(let text): Quantity.size(text).flatMap { range.contains($0) ? $0 : nil }
            case .integer(let value): range.contains(value) ? value : nil
            case .number, .boolean, .time, .array, .table: nil
            }
        }
        note(key, value.map { quoted(Quantity.text(size: $0)) })
        return value
    }

    /// In bytes a second; nil: no limit.
    func rate(_ key: String) -> Int? {
        let range = RateLimits.range
        let what = "a rate such as \"10 MiB/s\", at least \(Quantity.text(size: range.lowerBound))/s"
        let value = take(key, what) { node -> Int? in
            guard case .string(let text) = node, let rate = Quantity.rate(text) else { return nil }
            return range.contains(rate) ? rate : nil
        }
        note(key, value.map { quoted("\(Quantity.text(size: $0))/s") })
        return value
    }

    func duration(_ key: String, in range: ClosedRange<Duration>, default fallback: Duration) -> Duration {
        let value = optionalDuration(key, in: range) ?? fallback
        note(key, quoted(Quantity.text(duration: value)))
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
        note(key, value.map { quoted(Quantity.text(duration: $0)) })
        return value
    }

    func choice<Value>(_ key: String, _ choices: KeyValuePairs<String, Value>, default fallback: String) -> Value? {
        let names = choices.map { "\"\($0.key)\"" }.joined(separator: " or ")
        let name =
            take(key, names) { node in
                if case .string(let text) = node, choices.contains(where: { $0.key == text }) { text } else { nil }
            } ?? fallback
        note(key, quoted(name))
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
        note(key, value)
        return value
    }

    func strings(_ key: String, default fallback: [String]) -> [String] {
        let value = has(key) ? strings(key) : fallback
        reading.markKnown(place, key)
        note(key, value)
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
        note(key, quoted(path))
        return path
    }

    func path(_ key: String, default fallback: String) -> String {
        let value = path(key) ?? fallback
        note(key, quoted(value))
        return value
    }

    /// Notes what a list of strings means, where that is not what was written.
    func note(_ key: String, _ values: [String]) {
        note(key, values.isEmpty ? nil : "[\(values.map(quoted).joined(separator: ", "))]")
    }

    private func note(_ key: String, _ value: String?) { reading.note(place, keyText(key), value) }

    // MARK: Tables

    /// The table below `key`; an empty one where there is none.
    func table(_ key: String) -> TableReader {
        let below = take(key, "a table") { node -> [String: TOMLNode]? in
            if case .table(let below) = node { below } else { nil }
        }
        return TableReader(reading, table: has(key) ? below : [:], place: place.table(key))
    }

    /// The tables of `[[key]]`.
    func tables(_ key: String) -> [TableReader] {
        let nodes =
            take(key, "tables, each headed \(place.element(key, 0).heading)") { node -> [[String: TOMLNode]]? in
                guard case .array(let nodes) = node else { return nil }
                let tables = nodes.compactMap { node -> [String: TOMLNode]? in
                    if case .table(let below) = node { below } else { nil }
                }
                return tables.count == nodes.count ? tables : nil
            } ?? []
        return nodes.enumerated().map { index, below in
            TableReader(reading, table: below, place: place.element(key, index))
        }
    }

    // MARK: The end of a table

    /// Keys of the contract that this version can't do anything with.
    func refuseUnsupported(_ keys: String...) {
        for key in keys {
            reading.markKnown(place, key)
            if table[key] != nil { report(key, "not supported yet: take it out") }
        }
    }

    /// Reports every key that was not asked for. Call it last.
    func finish() {
        let known = reading.knownKeys(place)
        for key in keys where !known.contains(key) {
            let hint = nearestKey(to: key, among: known).map { "did you mean '\($0)'?" }
            report(key, "unknown key (\(hint ?? "known here: \(known.sorted().joined(separator: ", "))"))")
        }
    }

    private func take<Value>(_ key: String, _ what: String, _ convert: (TOMLNode) -> Value?) -> Value? {
        reading.markKnown(place, key)
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
}

/// Where a table stands in a file.
struct TablePlace: Hashable {
    /// What a key's full name begins with, as in `input[0].meta.`; empty for the root.
    private(set) var prefix = ""
    /// As in `[input.meta]` or `[[input]]`; empty for the root.
    private(set) var heading = ""
    /// The names alone, as in `input.meta.`
    private var names = ""

    static let root = TablePlace()

    func table(_ key: String) -> TablePlace {
        TablePlace(
            prefix: "\(prefix)\(keyText(key)).", heading: "[\(names)\(keyText(key))]", names: "\(names)\(keyText(key))."
        )
    }

    func element(_ key: String, _ index: Int) -> TablePlace {
        TablePlace(
            prefix: "\(prefix)\(keyText(key))[\(index)].", heading: "[[\(names)\(keyText(key))]]",
            names: "\(names)\(keyText(key)).")
    }
}
