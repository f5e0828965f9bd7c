/// One run through a configuration: collects what is wrong and what is in effect. Confined to the reading thread.
final class ConfigurationReading {
    /// Whether certificates and keys that will be used are opened, so that what is wrong with them is said with all else.
    let opensCredentials: Bool
    private let document: ConfigurationDocument
    private var problems: [ConfigurationProblem]
    private var asked: [TablePlace: Set<String>] = [:]
    private var tables: [TablePlace] = []
    private var effective: [TablePlace: [(key: String, value: String?)]] = [:]

    init(_ document: ConfigurationDocument, opensCredentials: Bool = false) {
        self.document = document
        self.opensCredentials = opensCredentials
        problems = document.problems
    }

    /// The file's uppermost table.
    func root(_ keys: KeyTable) -> TableReader {
        TableReader(self, .described(keys), table: document.root, place: .root)
    }

    func report(_ key: String, _ text: String) { problems.append(document.problem(key, text)) }

    /// A key for the message about another one: with its line, if it stands in the file.
    func place(of key: String) -> String {
        document.problem(key, "").line.map { "'\(key)' in line \($0)" } ?? "'\(key)'"
    }

    func isBroken(_ key: String) -> Bool { document.brokenKeys.contains(key) }

    func markAsked(_ place: TablePlace, _ key: String) { asked[place, default: []].insert(key) }

    /// The keys of a table that were read, whether they are there or not.
    func askedKeys(_ place: TablePlace) -> Set<String> { asked[place] ?? [] }

    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : document.directory + "/" + path }

    /// Notes the value in effect; nil: none. Later notes of one key replace earlier ones.
    func note(_ place: TablePlace, _ key: String, _ value: String?) {
        if effective[place] == nil { tables.append(place) }
        effective[place, default: []].removeAll { $0.key == key }
        effective[place, default: []].append((key, value))
    }

    /// Throws everything that was found.
    func finish() throws(ConfigurationError) {
        guard problems.isEmpty else {
            throw ConfigurationError(problems: problems.sorted { ($0.line ?? .max) < ($1.line ?? .max) })
        }
    }

    /// The configuration in effect, as TOML; keys without a value are comments.
    var text: String {
        tables.map { place in
            let heading = place.heading.isEmpty ? [] : [place.heading]
            let lines = (effective[place] ?? []).map { key, value in value.map { "\(key) = \($0)" } ?? "# \(key): none"
            }
            return (heading + lines).joined(separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }
}
