package import HamsterCore

/// An absolute path with wildcards, cut at its separators for the walk through directories.
package struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    /// One step of the walk.
    enum Step: Sendable, Hashable {
        /// A name without wildcards: no directory need be listed.
        case literal([UInt8])
        case glob(Glob)
        /// `**`: any number of directories.
        case anyDepth
    }

    package let pattern: String
    let steps: [Step]

    /// Nil unless the pattern is absolute and its wildcards are well formed.
    package init?(_ pattern: String) {
        guard pattern.utf8.first == UInt8(ascii: "/") else { return nil }
        var steps: [Step] = []
        for component in pattern.utf8.split(separator: UInt8(ascii: "/")) {
            guard let text = String(component), let glob = Glob(text) else { return nil }
            steps.append(
                text == "**"
                    ? .anyDepth : glob.isLiteral && !text.contains("\\") ? .literal(Array(component)) : .glob(glob))
        }
        guard !steps.isEmpty else { return nil }
        self.pattern = pattern
        self.steps = steps
    }

    /// A pattern that means this path and no other, whatever characters it has.
    package init(literal path: SourcePath) {
        pattern = path.description
        steps = path.components.filter { !$0.isEmpty }.map { .literal(Array($0)) }
    }

    package var description: String { pattern }

    /// The one path that the pattern means, where it has no wildcards.
    package var literalPath: SourcePath? {
        var path = SourcePath(bytes: [])
        for step in steps {
            guard case .literal(let name) = step else { return nil }
            path = path.appending(name)
        }
        return path
    }

    /// What has to be there before anything can match: the folder before the first wildcard, or the one path that is meant.
    var base: SourcePath {
        var path = SourcePath(bytes: [])
        for step in steps {
            guard case .literal(let name) = step else { break }
            path = path.appending(name)
        }
        return path.bytes.isEmpty ? SourcePath("/") : path
    }

    /// Whether a walk along the pattern could come to this path.
    package func matches(_ path: SourcePath) -> Bool {
        Self.matches(steps[...], path.components[...])
    }

    private static func matches(_ steps: ArraySlice<Step>, _ components: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        guard let step = steps.first else { return components.isEmpty }
        let rest = steps.dropFirst()
        switch step {
        case .literal(let name):
            return components.first.map { $0.elementsEqual(name) } ?? false && matches(rest, components.dropFirst())
        case .glob(let glob):
            guard let first = components.first, !isHidden(first, from: glob), glob.matches(first) else { return false }
            return matches(rest, components.dropFirst())
        case .anyDepth:
            guard let last = components.last else { return false }
            // At the end it stands for `**/*`, as it does for the scan.
            if rest.isEmpty { return last.first != UInt8(ascii: ".") }
            return matches(rest, components) || matches(steps, components.dropFirst())
        }
    }

    /// Shell rule: a wildcard does not match a leading dot.
    static func isHidden(_ name: some Collection<UInt8>, from glob: Glob) -> Bool {
        name.first == UInt8(ascii: ".") && glob.pattern.utf8.first != UInt8(ascii: ".")
    }
}
