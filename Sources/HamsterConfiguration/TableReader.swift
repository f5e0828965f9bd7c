internal import HamsterRateLimit

/// Reads one table's keys by name, as the ``KeyTable`` describes them. Every problem goes to the reading as a whole, which
/// goes on; the caller gets the default in place of what is wrong.
struct TableReader {
    /// Which keys may stand in the table.
    enum Keys {
        case described(KeyTable)
        /// Names of the user's choice, each with a table.
        case named(KeyTable)
        /// Names of the user's choice, each with a string or a list of strings.
        case free
    }

    let reading: ConfigurationReading
    let table: [String: TOMLNode]
    let place: TablePlace
    let description: Keys
    /// Something else stands in the table's place and was reported: what is missing in it is no news.
    let isMisread: Bool

    init(_ reading: ConfigurationReading, _ keys: Keys, table: [String: TOMLNode]?, place: TablePlace) {
        self.reading = reading
        description = keys
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

    /// With the default that is described, or one that depends on the system.
    func text(_ key: String, default other: String? = nil) -> String {
        guard case .text(let fallback) = form(key), let fallback = other ?? fallback else { misread(key) }
        let value = string(key) ?? fallback
        note(key, quoted(value))
        return value
    }

    /// The default that is described, for messages.
    func textDefault(_ key: String) -> String {
        guard case .text(let fallback?) = form(key) else { misread(key) }
        return fallback
    }

    func required(_ key: String, _ what: String) -> String? {
        if table[key] == nil, !isMisread, !reading.isBroken(key) { report(key, "missing: \(what)") }
        return string(key)
    }

    /// With the default that is described, or one that depends on other keys.
    func bool(_ key: String, default other: Bool? = nil) -> Bool {
        guard case .boolean(let fallback) = form(key), let fallback = other ?? fallback else { misread(key) }
        let value = take(key, "true or false") { if case .boolean(let value) = $0 { value } else { nil } } ?? fallback
        note(key, "\(value)")
        return value
    }

    func integer(_ key: String) -> Int {
        guard case .integer(_, let fallback?) = form(key) else { misread(key) }
        let value = optionalInteger(key) ?? fallback
        note(key, "\(value)")
        return value
    }

    func optionalInteger(_ key: String) -> Int? {
        guard case .integer(let range, _) = form(key) else { misread(key) }
        let what = "an integer from \(range.lowerBound) to \(range.upperBound)"
        let value = take(key, what) { node in
            if case .integer(let value) = node, range.contains(value) { value } else { nil }
        }
        note(key, value.map { "\($0)" })
        return value
    }

    /// In bytes.
    func size(_ key: String) -> Int {
        guard case .size(_, let fallback?) = form(key) else { misread(key) }
        let value = optionalSize(key) ?? fallback
        note(key, quoted(Quantity.text(size: value)))
        return value
    }

    /// In bytes.
    func optionalSize(_ key: String) -> Int? {
        guard case .size(let range, _) = form(key) else { misread(key) }
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
        guard case .rate = form(key) else { misread(key) }
        let range = RateLimits.range
        let what = "a rate such as \"10 MiB/s\", at least \(Quantity.text(size: range.lowerBound))/s"
        let value = take(key, what) { node -> Int? in
            guard case .string(let text) = node, let rate = Quantity.rate(text) else { return nil }
            return range.contains(rate) ? rate : nil
        }
        note(key, value.map { quoted("\(Quantity.text(size: $0))/s") })
        return value
    }

    func duration(_ key: String) -> Duration {
        guard case .duration(_, let fallback?) = form(key) else { misread(key) }
        let value = optionalDuration(key) ?? fallback
        note(key, quoted(Quantity.text(duration: value)))
        return value
    }

    func optionalDuration(_ key: String) -> Duration? {
        guard case .duration(let range, _) = form(key) else { misread(key) }
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

    /// What the names that are described stand for; with the default that is described, or one that depends on other keys.
    func choice<Value>(_ key: String, _ meanings: KeyValuePairs<String, Value>, default other: String? = nil) -> Value {
        guard case .choice(let names, let fallback) = form(key), let fallback = other ?? fallback,
            names == meanings.map(\.key)
        else { misread(key) }
        let what = names.map { "\"\($0)\"" }.joined(separator: " or ")
        let name =
            take(key, what) { if case .string(let text) = $0, names.contains(text) { text } else { nil } } ?? fallback
        note(key, quoted(name))
        guard let meaning = meanings.first(where: { $0.key == name }) else { misread(key) }
        return meaning.value
    }

    /// A string or a list of strings.
    func strings(_ key: String) -> [String] {
        guard case .texts(let fallback) = form(key) else { misread(key) }
        let value = take(key, "a string or a list of strings") { node -> [String]? in
            switch node {
            case .string(let text): return [text]
            case .array(let nodes):
                let texts = nodes.compactMap { node -> String? in
                    if case .string(let text) = node { text } else { nil }
                }
                return texts.count == nodes.count ? texts : nil
            case .integer, .number, .boolean, .time, .table: return nil
            }
        }
        let texts = value ?? (has(key) ? [] : fallback)
        note(key, texts)
        return texts
    }

    /// A path, made absolute from the configuration file's directory.
    func optionalPath(_ key: String) -> String? {
        guard case .path = form(key) else { misread(key) }
        guard let text = string(key) else { return nil }
        guard !text.isEmpty else {
            report(key, "expected a path, got an empty string")
            return nil
        }
        let path = reading.absolute(text)
        note(key, quoted(path))
        return path
    }

    /// With the default that is described, or one that depends on the system.
    func path(_ key: String, default other: String? = nil) -> String {
        guard case .path(let fallback) = form(key), let fallback = other ?? fallback else { misread(key) }
        let value = optionalPath(key) ?? fallback
        note(key, quoted(value))
        return value
    }

    /// Notes what a list of strings means, where that is not what was written.
    func note(_ key: String, _ values: [String]) {
        note(key, values.isEmpty ? nil : "[\(values.map(quoted).joined(separator: ", "))]")
    }

    private func note(_ key: String, _ value: String?) { reading.note(place, keyText(key), value) }

    // MARK: Of one key

    /// What is described of a key.
    func form(_ key: String) -> KeyForm {
        switch description {
        case .described(let table):
            guard let description = table[key] else { misread(key) }
            return description.form
        case .named(let table): return .table(table)
        case .free: return .texts()
        }
    }

    /// The sources contradict themselves: a key is read that is not described, or as something else.
    func misread(_ key: String) -> Never {
        preconditionFailure("\(place.prefix)\(key) is read otherwise than its KeyDescription says")
    }

    func take<Value>(_ key: String, _ what: String, _ convert: (TOMLNode) -> Value?) -> Value? {
        _ = form(key)
        reading.markAsked(place, key)
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
