/// In which line a key stands. The parser doesn't say, so the text is read once more, for headings and keys only.
struct TOMLLineIndex {
    private var lines: [String: Int] = [:]
    private var tableCounts: [String: Int] = [:]

    /// The line of `key`, or of the nearest table around it that has one.
    func line(of key: String) -> Int? {
        var key = key[...]
        while true {
            if let line = lines[String(key)] { return line }
            guard let end = key.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
            key = key[..<end]
        }
    }

    init(_ text: String) {
        var prefix = ""
        var depth = 0
        var quote: String?
        // To Swift, CR and LF are one character, which is not LF.
        let text = text.replacing("\r\n", with: "\n")
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var rest = line[...]
            if depth == 0, quote == nil {
                let trimmed = line.drop(while: { $0 == " " || $0 == "\t" })
                if trimmed.hasPrefix("[") {
                    prefix = heading(trimmed, line: index + 1)
                    continue
                }
                rest = trimmed
                let key = Self.takeKey(&rest)
                guard !trimmed.hasPrefix("#"), rest.popFirst() == "=" else { continue }
                add(prefix + key, line: index + 1)
            }
            Self.skipValue(&rest, &depth, &quote)
        }
    }

    private mutating func add(_ key: String, line: Int) {
        if lines[key] == nil { lines[key] = line }
    }

    /// Notes `[a.b]` or `[[a]]` and gives the prefix of the keys below it.
    private mutating func heading(_ text: Substring, line: Int) -> String {
        let isArray = text.hasPrefix("[[")
        var rest = text.dropFirst(isArray ? 2 : 1)
        let name = Self.takeKey(&rest)
        guard isArray else {
            let path = inLatestElement(name)
            add(path, line: line)
            return path + "."
        }
        let count = tableCounts[name, default: 0]
        tableCounts[name] = count + 1
        add(name, line: line)
        add("\(name)[\(count)]", line: line)
        return "\(name)[\(count)]."
    }

    /// `[input.meta]` belongs to the last `[[input]]`.
    private func inLatestElement(_ name: String) -> String {
        guard let dot = name.firstIndex(of: "."), let count = tableCounts[String(name[..<dot])] else { return name }
        return "\(name[..<dot])[\(count - 1)]\(name[dot...])"
    }

    /// Takes a dotted key off the front of `rest`, up to `=` or `]`. Its parts are as ``keyText(_:)`` writes them.
    private static func takeKey(_ rest: inout Substring) -> String {
        var parts = [""]
        while let character = rest.first, character != "=", character != "]" {
            rest.removeFirst()
            switch character {
            case " ", "\t": break
            case ".": parts.append("")
            case "\"", "'": parts[parts.count - 1] += takeQuoted(&rest, until: character)
            default: parts[parts.count - 1].append(character)
            }
        }
        return parts.map(keyText).joined(separator: ".")
    }

    private static func takeQuoted(_ rest: inout Substring, until quote: Character) -> String {
        var text = ""
        while let character = rest.popFirst(), character != quote {
            if quote == "\"", character == "\\", let escaped = rest.popFirst() {
                text.append(escaped)
            } else {
                text.append(character)
            }
        }
        return text
    }

    /// Follows brackets and strings that go on in the next line.
    private static func skipValue(_ rest: inout Substring, _ depth: inout Int, _ quote: inout String?) {
        while let character = rest.first {
            if let open = quote {
                if open.count == 1 || open.hasPrefix("\""), character == "\\", open.hasPrefix("\"") {
                    rest = rest.dropFirst(2)
                } else if rest.hasPrefix(open) {
                    rest = rest.dropFirst(open.count)
                    quote = nil
                } else {
                    rest = rest.dropFirst()
                }
                continue
            }
            switch character {
            case "\"", "'":
                let triple = String(repeating: character, count: 3)
                quote = rest.hasPrefix(triple) ? triple : String(character)
                rest = rest.dropFirst(quote?.count ?? 1)
                continue
            case "[", "{": depth += 1
            case "]", "}": depth = max(0, depth - 1)
            case "#": return endLine(&quote)
            default: break
            }
            rest = rest.dropFirst()
        }
        endLine(&quote)
    }

    /// Only a triple quote goes on in the next line.
    private static func endLine(_ quote: inout String?) {
        if quote?.count == 1 { quote = nil }
    }
}
