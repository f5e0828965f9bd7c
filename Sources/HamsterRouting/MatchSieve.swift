internal import HamsterCore

/// A quick "no" for most matches: eight or sixteen bytes that host, service and path must begin with, and the path end
/// with, compared as integers. Thousands of rules cost microseconds a stream; what passes is matched in full.
struct MatchSieve {
    /// Up to eight bytes that are required, in the low bytes.
    private struct Word {
        var value: UInt64 = 0
        var mask: UInt64 = 0

        init(_ bytes: some Sequence<UInt8>) {
            var shift: UInt64 = 0
            for byte in bytes.prefix(8) {
                value |= UInt64(byte) << shift
                mask |= 0xFF << shift
                shift += 8
            }
        }

        /// A text's own bytes all count, and what is behind its end does not equal any required byte but NUL, which neither
        /// hosts nor paths hold.
        func admits(_ text: Word) -> Bool { (text.value ^ value) & mask == 0 }
    }

    /// A text, or what is required of one.
    struct Shape {
        private var host: Word
        private var service: Word
        private var pathStart: Word
        private var pathNext: Word
        private var pathEnd: Word

        init(host: [UInt8], service: [UInt8], pathStart: [UInt8], pathEnd: [UInt8]) {
            self.host = Word(host)
            self.service = Word(service)
            self.pathStart = Word(pathStart)
            pathNext = Word(pathStart.dropFirst(8))
            self.pathEnd = Word(pathEnd.reversed())
        }

        init(_ values: StreamValues) {
            self.init(host: values.host, service: values.service, pathStart: values.path, pathEnd: values.path)
        }

        init(_ match: StreamMatch) {
            let patterns = { (subject: StreamMatch.Subject) in
                match.conditions.first { $0.subject == subject }?.patterns ?? []
            }
            self.init(
                host: MatchSieve.common(patterns(.host).map(\.literalPrefix)),
                service: MatchSieve.common(patterns(.service).map(\.literalPrefix)),
                pathStart: MatchSieve.common(patterns(.path).map(\.literalPrefix)),
                pathEnd: MatchSieve.common(patterns(.path).map { $0.literalSuffix.reversed() }).reversed())
        }

        func admits(_ text: Shape) -> Bool {
            host.admits(text.host) && pathStart.admits(text.pathStart) && pathNext.admits(text.pathNext)
                && service.admits(text.service) && pathEnd.admits(text.pathEnd)
        }
    }

    /// What all of the texts begin with; nothing where there are none.
    fileprivate static func common(_ texts: [[UInt8]]) -> [UInt8] {
        guard var common = texts.first else { return [] }
        for text in texts.dropFirst() {
            common = zip(common, text).prefix { $0 == $1 }.map(\.0)
        }
        return common
    }

    private var shapes: [(shape: Shape, rule: Int)] = []

    /// `rule` is what ``first(_:where:)`` gives for this match.
    mutating func add(_ match: StreamMatch, rule: Int) { shapes.append((Shape(match), rule)) }

    /// The first rule, in the order of their addition, that may match and of which `matches` is true.
    func first(_ values: StreamValues, where matches: (Int) -> Bool) -> Int? {
        let text = Shape(values)
        for (shape, rule) in shapes where shape.admits(text) && matches(rule) { return rule }
        return nil
    }
}
