/// What the TOML parser can't be given: it ends the process (an assertion, or the end of the stack) where it should
/// report an error. Found by fuzzing.
enum TOMLGuard {
    /// The deepest that a dotted key may lead.
    private static let dotsMax = 64

    /// Throws for the first line that the parser would not survive. `parses` says whether a text is whole TOML.
    static func check(_ text: String, parses: (String) -> Bool) throws(TOMLSyntaxError) {
        // To Swift, CR and LF are one character, which is not LF.
        let lines = text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard isShallow(line) else {
                throw TOMLSyntaxError(line: index + 1, text: "a key has more than \(dotsMax) dots")
            }
            guard !hasDateWithoutTime(line) else {
                throw TOMLSyntaxError(line: index + 1, text: "a date ends in T, and no time follows")
            }
            // In a list or a string of several lines this is no heading, and what is before it is not whole.
            guard isNamelessHeading(line), parses(lines[..<index].joined(separator: "\n")) else { continue }
            throw TOMLSyntaxError(
                line: index + 1, text: "a table's name begins with one of A-Z a-z 0-9 _ - or with a quote")
        }
    }

    private static func isShallow(_ line: Substring) -> Bool {
        line.utf8.split(whereSeparator: { ",=[]{}#".utf8.contains($0) })
            .allSatisfy { part in part.count { $0 == UInt8(ascii: ".") } <= dotsMax }
    }

    /// Whether a date stands outside of quotes and comments with a sign that a time follows, and none does. In a string
    /// of several lines this may be wrong; no setting takes one.
    private static func hasDateWithoutTime(_ line: Substring) -> Bool {
        var quote: UInt8?
        var isEscaped = false
        var bare: [UInt8] = []
        for byte in line.utf8 {
            if let open = quote {
                if byte == open, !isEscaped { quote = nil }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\") && open == UInt8(ascii: "\"")
            } else if byte == UInt8(ascii: "#") {
                break
            } else {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { quote = byte }
                bare.append(byte)
            }
        }
        return bare.indices.contains { isDateWithoutTime(bare[$0...]) }
    }

    private static func isDateWithoutTime(_ bytes: ArraySlice<UInt8>) -> Bool {
        let shape = Array("0000-00-00".utf8)
        let isDate =
            bytes.count > shape.count
            && zip(bytes, shape).allSatisfy { $1 == UInt8(ascii: "0") ? isDigit($0) : $0 == $1 }
        let rest = bytes.dropFirst(shape.count)
        guard isDate, let separator = rest.first, "Tt ".utf8.contains(separator) else { return false }
        guard let next = rest.dropFirst().first else { return separator != UInt8(ascii: " ") }
        // A blank may well be the end of the date.
        return !isDigit(next) && (separator != UInt8(ascii: " ") || !" \t,]}\"'".utf8.contains(next))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whether what follows `[` or `[[` can't begin a name.
    private static func isNamelessHeading(_ line: Substring) -> Bool {
        // At the very beginning of a file the parser skips a byte order mark.
        var rest = line.unicodeScalars.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
        guard rest.popFirst() == "[" else { return false }
        if rest.first == "[" { rest.removeFirst() }
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard let first = rest.first else { return true }
        return switch first {
        case "A"..."Z", "a"..."z", "0"..."9", "_", "-", "\"", "'": false
        default: true
        }
    }
}
