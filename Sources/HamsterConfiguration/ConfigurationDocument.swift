/// A configuration file as read, with what the command line and the environment put over it.
struct ConfigurationDocument {
    /// Syntax errors that are looked for in one run.
    private static let syntaxErrorsMax = 20

    /// The file's path for errors; where there is none, the program's arguments are meant.
    let origin: String
    /// Relative paths in the file start here.
    let directory: String
    private(set) var root: [String: TOMLNode]
    private(set) var problems: [ConfigurationProblem] = []
    /// The last parts of keys whose line is no TOML: they are not missing.
    private(set) var brokenKeys: Set<String> = []
    private var origins: [String: String] = [:]
    private let lines: TOMLLineIndex

    /// The text of a file. After a syntax error its line is left out and the rest is read, so that one run tells all.
    init(text: String, origin: String, directory: String) {
        self.origin = origin
        self.directory = directory
        lines = TOMLLineIndex(text)
        root = [:]
        // To Swift, CR and LF are one character, which is not LF.
        var rest = text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
        var broken: Set<Int> = []
        while broken.count < Self.syntaxErrorsMax {
            do throws(TOMLSyntaxError) {
                root = try parseTOML(rest.joined(separator: "\n"))
                return
            } catch {
                guard (1...rest.count).contains(error.line), broken.insert(error.line).inserted else {
                    problems.append(ConfigurationProblem(origin: origin, line: error.line, key: "", text: error.text))
                    return
                }
                addSyntaxProblem(rest[error.line - 1], error)
                rest[error.line - 1] = ""
            }
        }
    }

    /// No file: only what the command line and the environment say.
    init(directory: String) {
        origin = "command line"
        self.directory = directory
        root = [:]
        lines = TOMLLineIndex("")
    }

    /// Puts a value over what the file says. `key` is a list of tables and the key; `source` is the option or variable.
    mutating func override(_ key: [String], _ value: TOMLNode, source: String) {
        Self.set(&root, key[...], value)
        origins[key.joined(separator: ".")] = source
    }

    /// Takes a value out, for one that another overrides.
    mutating func remove(_ key: [String]) { Self.set(&root, key[...], nil) }

    /// Takes a value out because what overrides it is wrong, which the caller reports.
    mutating func overrideBroken(_ key: [String], source: String) {
        remove(key)
        origins[key.joined(separator: ".")] = source
        if let name = key.last { brokenKeys.insert(name) }
    }

    func problem(_ key: String, _ text: String) -> ConfigurationProblem {
        if let source = origins[key] { return ConfigurationProblem(origin: source, key: key, text: text) }
        return ConfigurationProblem(origin: origin, line: lines.line(of: key), key: key, text: text)
    }

    private mutating func addSyntaxProblem(_ line: String, _ error: TOMLSyntaxError) {
        let parts = line.split(separator: "=", maxSplits: 1).map { $0.drop(while: { $0 == " " }) }
        guard parts.count == 2, let value = parts[1].split(separator: "#").first, let first = value.first else {
            problems.append(ConfigurationProblem(origin: origin, line: error.line, key: "", text: error.text))
            return
        }
        let key = String(parts[0].prefix(while: { $0 != " " }))
        brokenKeys.insert(key.split(separator: ".").last.map(String.init) ?? key)
        let word = value.reversed().drop(while: { $0 == " " }).reversed().map(String.init).joined()
        // A value that is one by itself is not what is wrong: the key is there twice, for one.
        let isValue = (try? parseTOML("value = \(value)")) != nil
        let isUnquoted = !isValue && (first.isLetter || first == "/" || first == "." || first.isNumber)
        problems.append(
            ConfigurationProblem(
                origin: origin, line: error.line, key: key,
                text: isUnquoted ? "a string must stand in quotes: \(key) = \"\(word)\"" : error.text))
    }

    private static func set(_ table: inout [String: TOMLNode], _ key: ArraySlice<String>, _ value: TOMLNode?) {
        guard let name = key.first else { return }
        guard key.count > 1 else {
            table[name] = value
            return
        }
        var below: [String: TOMLNode] = [:]
        if case .table(let existing) = table[name] { below = existing }
        set(&below, key.dropFirst(), value)
        table[name] = .table(below)
    }
}
