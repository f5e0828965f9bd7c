/// A shell-like pattern over bytes: `*` and `?` stay within one path component, `[a-z]` and `[!a-z]` are classes,
/// `**` crosses separators, and `**/` also stands for no directory at all. `\` takes the next byte literally.
///
/// Matching takes time in proportion to pattern times text, whatever the pattern: no backtracking.
package struct Glob: Sendable, Hashable, CustomStringConvertible {
    private enum Token: Hashable {
        case literal(UInt8)
        case anyByte
        case oneOf([ClosedRange<UInt8>], isNegated: Bool)
        case anyInComponent
        case anyPath
        /// `**/`: either skips itself and the token behind it, or enters that token.
        case optionalDirectories
        case insideDirectories
    }

    package let pattern: String
    private let tokens: [Token]

    /// Nil where a `[` is not closed or a range runs backwards.
    package init?(_ pattern: String) {
        guard let tokens = Self.tokens(Array(pattern.utf8)) else { return nil }
        self.pattern = pattern
        self.tokens = tokens
    }

    package var description: String { pattern }

    /// Whether the pattern matches one text only: itself.
    package var isLiteral: Bool {
        tokens.allSatisfy { token in
            if case .literal = token { true } else { false }
        }
    }

    /// The bytes with which every text begins that matches.
    package var literalPrefix: [UInt8] { Self.literals(tokens) }

    /// The bytes with which every text ends that matches.
    package var literalSuffix: [UInt8] { Self.literals(tokens.reversed()).reversed() }

    private static func literals(_ tokens: some Sequence<Token>) -> [UInt8] {
        var bytes: [UInt8] = []
        for token in tokens {
            guard case .literal(let byte) = token else { break }
            bytes.append(byte)
        }
        return bytes
    }

    package func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }

    /// Whether the whole of `text` matches.
    package func matches(_ text: some Sequence<UInt8>) -> Bool {
        var states = [Bool](repeating: false, count: tokens.count + 1)
        var next = states
        enter(0, &states)
        for byte in text {
            for index in tokens.indices where states[index] {
                states[index] = false
                step(index, byte, &next)
            }
            states[tokens.count] = false
            swap(&states, &next)
        }
        return states[tokens.count]
    }

    /// Marks a state and all that are reached from it without a byte.
    private func enter(_ index: Int, _ states: inout [Bool]) {
        guard !states[index] else { return }
        states[index] = true
        guard index < tokens.count else { return }
        switch tokens[index] {
        case .anyInComponent, .anyPath:
            enter(index + 1, &states)
        case .optionalDirectories:
            enter(index + 1, &states)
            enter(index + 2, &states)
        case .literal, .anyByte, .oneOf, .insideDirectories:
            break
        }
    }

    private func step(_ index: Int, _ byte: UInt8, _ next: inout [Bool]) {
        let isSeparator = byte == UInt8(ascii: "/")
        switch tokens[index] {
        case .literal(let expected):
            if byte == expected { enter(index + 1, &next) }
        case .anyByte:
            if !isSeparator { enter(index + 1, &next) }
        case .oneOf(let ranges, let isNegated):
            if !isSeparator, ranges.contains(where: { $0.contains(byte) }) != isNegated { enter(index + 1, &next) }
        case .anyInComponent:
            if !isSeparator { enter(index, &next) }
        case .anyPath:
            enter(index, &next)
        case .insideDirectories:
            next[index] = true
            if isSeparator { enter(index + 1, &next) }
        case .optionalDirectories:
            break
        }
    }

    private static func tokens(_ pattern: [UInt8]) -> [Token]? {
        var tokens: [Token] = []
        var rest = pattern[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                tokens += stars(&rest, isAtComponentStart: isComponentStart(behind: tokens.last))
            case UInt8(ascii: "?"):
                tokens.append(.anyByte)
            case UInt8(ascii: "["):
                guard let token = characterClass(&rest) else { return nil }
                tokens.append(token)
            case UInt8(ascii: "\\"):
                tokens.append(.literal(rest.popFirst() ?? byte))
            default:
                tokens.append(.literal(byte))
            }
        }
        return tokens
    }

    private static func isComponentStart(behind token: Token?) -> Bool {
        switch token {
        case nil, .literal(UInt8(ascii: "/")), .insideDirectories: true
        case .literal, .anyByte, .oneOf, .anyInComponent, .anyPath, .optionalDirectories: false
        }
    }

    private static func stars(_ rest: inout ArraySlice<UInt8>, isAtComponentStart: Bool) -> [Token] {
        guard rest.first == UInt8(ascii: "*") else { return [.anyInComponent] }
        while rest.first == UInt8(ascii: "*") { rest.removeFirst() }
        guard isAtComponentStart, rest.first == UInt8(ascii: "/") else { return [.anyPath] }
        rest.removeFirst()
        return [.optionalDirectories, .insideDirectories]
    }

    private static func characterClass(_ rest: inout ArraySlice<UInt8>) -> Token? {
        let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<UInt8>] = []
        while let low = rest.popFirst() {
            // A `]` that comes first is a member, not the end (POSIX.2, 2.13.1).
            if low == UInt8(ascii: "]"), !ranges.isEmpty { return .oneOf(ranges, isNegated: isNegated) }
            guard rest.first == UInt8(ascii: "-"), let high = rest.dropFirst().first, high != UInt8(ascii: "]") else {
                ranges.append(low...low)
                continue
            }
            guard low <= high else { return nil }
            ranges.append(low...high)
            rest.removeFirst(2)
        }
        return nil
    }
}
