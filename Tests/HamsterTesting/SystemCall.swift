/// A system call as strace(1) writes it, from its beginning to its end.
package struct SystemCall: Sendable, Hashable {
    package let name: String
    /// All that stands between its parentheses, with the paths of descriptors.
    package let arguments: String
    /// Negative: it has failed.
    package let result: Int
    /// The lines of the trace in which it began and ended: one where no other thread came between.
    package let begin: Int
    package let end: Int

    /// What the first argument leads to: a descriptor's file, or the file of that name.
    package var file: String {
        let match = arguments.firstMatch(of: /^(?:[0-9]+<([^>]*)>|"([^"]*)")/)
        return String(match?.1 ?? match?.2 ?? "")
    }

    package var isOnSocket: Bool { file.hasPrefix("socket:") }

    /// Whether it was over before the other one began.
    package func isBefore(_ other: Self) -> Bool { end < other.begin }
}

extension SystemCall {
    /// The calls of a trace that have ended, in the order of their ends. `trace` is what `strace -f -y` writes to a file.
    package static func all(in trace: String) -> [Self] {
        var begun: [Substring: (name: Substring, arguments: Substring, line: Int)] = [:]
        return trace.split(separator: "\n").enumerated().compactMap { number, line in
            if let match = line.wholeMatch(of: /([0-9]+) +(\w+)\((.*) <unfinished \.\.\.>/) {
                begun[match.1] = (match.2, match.3, number)
                return nil
            }
            if let match = line.wholeMatch(of: /([0-9]+) +<\.\.\. \w+ resumed>(.*)\) += (-?[0-9]+).*/) {
                guard let beginning = begun.removeValue(forKey: match.1) else { return nil }
                return Self(
                    beginning.name, beginning.arguments + match.2, result: match.3, lines: beginning.line...number)
            }
            let match = line.wholeMatch(of: /[0-9]+ +(\w+)\((.*)\) += (-?[0-9]+).*/)
            return match.flatMap { Self($0.1, $0.2, result: $0.3, lines: number...number) }
        }
    }

    private init?(_ name: Substring, _ arguments: Substring, result: Substring, lines: ClosedRange<Int>) {
        guard let result = Int(result) else { return nil }
        self.init(
            name: String(name), arguments: String(arguments), result: result, begin: lines.lowerBound,
            end: lines.upperBound)
    }
}
