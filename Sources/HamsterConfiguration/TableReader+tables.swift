/// Tables below a table, and the end of one.
extension TableReader {
    /// The table below `key`; an empty one where there is none.
    func table(_ key: String) -> TableReader {
        let keys: Keys =
            switch form(key) {
            case .table(let table): .described(table)
            case .namedTables(let table): .named(table)
            case .freeTable: .free
            default: misread(key)
            }
        let isNamed = if case .named = keys { true } else { false }
        let what = isNamed ? "tables, each headed \(place.table(key).table("NAME").heading)" : "a table"
        let below = take(key, what) { node -> [String: TOMLNode]? in
            if case .table(let below) = node { below } else { nil }
        }
        return TableReader(reading, keys, table: has(key) ? below : [:], place: place.table(key))
    }

    /// The tables of `[[key]]`.
    func tables(_ key: String) -> [TableReader] {
        guard case .tables(let keys) = form(key) else { misread(key) }
        let nodes =
            take(key, "tables, each headed \(place.element(key, 0).heading)") { node -> [[String: TOMLNode]]? in
                guard case .array(let nodes) = node else { return nil }
                let tables = nodes.compactMap { node -> [String: TOMLNode]? in
                    if case .table(let below) = node { below } else { nil }
                }
                return tables.count == nodes.count ? tables : nil
            } ?? []
        return nodes.enumerated().map { index, below in
            TableReader(reading, .described(keys), table: below, place: place.element(key, index))
        }
    }

    /// Reports every key that is not described. Call it last, when all have been asked for.
    func finish() {
        guard case .described(let table) = description else { return }
        let known = table.keys.map(\.name)
        // One that is described and not read would be accepted, and have no effect.
        assert(reading.askedKeys(place) == Set(known), "\(place.heading): \(reading.askedKeys(place)), not \(known)")
        for key in keys where !known.contains(key) {
            let hint = nearestKey(to: key, among: known).map { "did you mean '\($0)'?" }
            report(key, "unknown key (\(hint ?? "known here: \(known.sorted().joined(separator: ", "))"))")
        }
    }
}
