/// One run through a configuration: collects what is wrong and what is in effect. Confined to the reading thread.
final class ConfigurationReading {
    private let document: ConfigurationDocument
    private var problems: [ConfigurationProblem]
    private var known: [String: Set<String>] = [:]
    private var tables: [String] = []
    private var effective: [String: [(key: String, value: String?)]] = [:]

    init(_ document: ConfigurationDocument) {
        self.document = document
        problems = document.problems
    }

    var root: TableReader { TableReader(self, table: document.root, prefix: "") }

    func report(_ key: String, _ text: String) { problems.append(document.problem(key, text)) }

    func isBroken(_ key: String) -> Bool { document.brokenKeys.contains(key) }

    func markKnown(_ prefix: String, _ key: String) { known[prefix, default: []].insert(key) }

    func knownKeys(_ prefix: String) -> Set<String> { known[prefix] ?? [] }

    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : document.directory + "/" + path }

    /// Notes the value in effect; nil: none. Later notes of one key replace earlier ones.
    func note(_ prefix: String, _ key: String, _ value: String?) {
        if effective[prefix] == nil { tables.append(prefix) }
        effective[prefix, default: []].removeAll { $0.key == key }
        effective[prefix, default: []].append((key, value))
    }

    /// Throws everything that was found.
    func finish() throws(ConfigurationError) {
        guard problems.isEmpty else {
            throw ConfigurationError(problems: problems.sorted { ($0.line ?? .max) < ($1.line ?? .max) })
        }
    }

    /// The configuration in effect, as TOML; keys without a value are comments.
    var text: String {
        tables.map { prefix in
            let lines = (effective[prefix] ?? []).map { key, value in value.map { "\(key) = \($0)" } ?? "# \(key): none"
            }
            return (heading(prefix) + lines).joined(separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }

    private func heading(_ prefix: String) -> [String] {
        guard !prefix.isEmpty else { return [] }
        let name = prefix.dropLast()
        guard let bracket = name.firstIndex(of: "[") else { return ["[\(name)]"] }
        let end = name.firstIndex(of: "]").map { name.index(after: $0) } ?? name.endIndex
        return name[end...].isEmpty ? ["[[\(name[..<bracket])]]"] : ["[\(name[..<bracket])\(name[end...])]"]
    }
}
