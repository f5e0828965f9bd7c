import HamsterCore
import HamsterTesting
import Testing

struct GlobTests {
    @Test(arguments: [
        ("*.log", "a.log", true), ("*.log", ".log", true), ("*.log", "a/b.log", false), ("a?c", "abc", true),
        ("a?c", "a/c", false), ("a?c", "ac", false), ("", "", true), ("", "a", false), ("[a-c]x", "bx", true),
        ("[!a-c]x", "bx", false), ("[^a]", "b", true), ("[!a]", "/", false), ("[]]", "]", true), ("[]-a]", "^", true),
        ("[a-]", "-", true), ("\\*", "*", true), ("\\*", "a", false), ("\\", "\\", true), ("[\\]", "\\", true),
        ("A", "a", false), ("**", "a/b/c", true), ("**", "", true), ("a**c", "a/b/c", true), ("/a/**", "/a/b/c", true),
        ("/a/**", "/a/", true), ("/a/**", "/a", false), ("/a/**/c", "/a/c", true), ("/a/**/c", "/a/x/y/c", true),
        ("/a/**/c", "/a/xc", false), ("**/c", "c", true), ("**/c", "a/b/c", true), ("**/c", "bc", false),
        ("**/**/c", "c", true), ("**/**/c", "a/c", true), ("a**/c", "a/c", true), ("a**/c", "ac", false),
        ("*/c", "/c", true), ("*/*", "a/b/c", false), ("***/c", "c", true), ("/a/**/**/b", "/a/b", true),
    ])
    func `wildcards stay within a component, two stars cross separators`(pattern: String, text: String, isMatch: Bool)
        throws
    {
        #expect(try #require(Glob(pattern)).matches(text) == isMatch)
    }

    @Test(arguments: ["[", "a[b", "[]", "[!]", "[b-a]", "x[^", "[a-", "\\[["])
    func `an open or backward class is refused`(pattern: String) {
        #expect(Glob(pattern) == nil)
    }

    @Test(arguments: [("a/b.log", true), ("a*", false), ("[a]", false), ("\\*", true), ("?", false), ("**", false)])
    func `a pattern without wildcards is literal`(pattern: String, isLiteral: Bool) throws {
        #expect(try #require(Glob(pattern)).isLiteral == isLiteral)
    }

    @Test(arguments: 0..<200)
    func `matching agrees with a slow and obvious matcher`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "a", "b", "/", "*", "?", "**", "**/", "/**/", "[ab]", "[!a]", "[]-a]", "[b-a]", "[", "\\*", "\\/", "]",
        ]
        for _ in 0..<50 {
            let pattern = (0..<random.int(0...6)).map { _ in random.pick(pieces) }.joined()
            let text = random.bytes(0...8, of: "aab//*^".utf8)
            let expected = matchesSlowly(Array(pattern.utf8)[...], text[...], isAtStart: true)
            if let glob = Glob(pattern) {
                #expect(glob.matches(text) == expected, "\(pattern) on \(String(decoding: text, as: UTF8.self))")
            } else {
                #expect(!isWellFormed(Array(pattern.utf8)[...]), "\(pattern)")
            }
        }
    }

    @Test func `a pattern made to explode takes no time`() throws {
        let glob = try #require(Glob(String(repeating: "*a**/", count: 20) + "b"))
        #expect(!glob.matches(String(repeating: "a/", count: 2_000)))
    }

    @Test func `bytes that are not UTF-8 are bytes`() throws {
        #expect(try #require(Glob("a?c")).matches([0x61, 0xFF, 0x63]))
        #expect(try #require(Glob("é")).matches("é"))
        #expect(try !#require(Glob("?")).matches("é"))
    }
}

private let separator = UInt8(ascii: "/")

/// Tries every way to share the text out. `isAtStart`: a component of the pattern begins here.
private func matchesSlowly(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, isAtStart: Bool) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = pattern.dropFirst()
    switch first {
    case UInt8(ascii: "*"):
        let behind = pattern.drop { $0 == first }
        guard behind.startIndex > pattern.startIndex + 1 else {
            let component = text.prefix { $0 != separator }
            return (0...component.count).contains { matchesSlowly(rest, text.dropFirst($0), isAtStart: false) }
        }
        guard isAtStart, behind.first == separator else {
            return (0...text.count).contains { matchesSlowly(behind, text.dropFirst($0), isAtStart: false) }
        }
        return (0...text.count).contains { count in
            (count == 0 || text[text.startIndex + count - 1] == separator)
                && matchesSlowly(behind.dropFirst(), text.dropFirst(count), isAtStart: true)
        }
    case UInt8(ascii: "?"):
        return text.first.map { $0 != separator } ?? false && matchesSlowly(rest, text.dropFirst(), isAtStart: false)
    case UInt8(ascii: "["):
        guard let (members, behind) = members(rest), let byte = text.first, byte != separator, members.contains(byte)
        else { return false }
        return matchesSlowly(behind, text.dropFirst(), isAtStart: false)
    default:
        let isEscape = first == UInt8(ascii: "\\") && !rest.isEmpty
        let literal = isEscape ? rest.first : first
        guard literal == text.first else { return false }
        return matchesSlowly(isEscape ? rest.dropFirst() : rest, text.dropFirst(), isAtStart: literal == separator)
    }
}

/// The bytes of a class whose `[` is taken, and what is behind its `]`.
private func members(_ pattern: ArraySlice<UInt8>) -> (Set<UInt8>, behind: ArraySlice<UInt8>)? {
    let isNegated = pattern.first == UInt8(ascii: "!") || pattern.first == UInt8(ascii: "^")
    let body = isNegated ? pattern.dropFirst() : pattern
    guard let end = body.dropFirst().firstIndex(of: UInt8(ascii: "]")) else { return nil }
    var (rest, found): (ArraySlice<UInt8>, Set<UInt8>) = (body[..<end], [])
    while let low = rest.popFirst() {
        guard rest.count >= 2, rest.first == UInt8(ascii: "-"), let high = rest.dropFirst().first else {
            found.insert(low)
            continue
        }
        guard low <= high else { return nil }
        found.formUnion(low...high)
        rest.removeFirst(2)
    }
    return (isNegated ? Set(0...255).subtracting(found) : found, body[(end + 1)...])
}

private func isWellFormed(_ pattern: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return true }
    guard first == UInt8(ascii: "[") else {
        return isWellFormed(pattern.dropFirst(first == UInt8(ascii: "\\") ? 2 : 1))
    }
    return members(pattern.dropFirst()).map { isWellFormed($0.behind) } ?? false
}
