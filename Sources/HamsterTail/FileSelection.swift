package import HamsterCore

/// Which files are taken, from where on, and when each is complete.
package struct FileSelection: Sendable {
    package enum Method: Sendable, Hashable {
        /// Follow files as they grow.
        case watch
        /// Send a file when it is closed and will not grow any more, as a whole.
        case close
        /// Send what exists at the start, then be done.
        case once
        /// Follow a file until it is rotated away and delivered, then be done.
        case untilRotated

        /// Whether directories are watched for changes.
        package var isWatching: Bool { self != .once }

        /// Whether the files that a rotation has left behind belong to a path.
        var hasPredecessors: Bool { self == .watch || self == .close }
    }

    package enum Start: Sendable, Hashable {
        case beginning
        /// Skip what a file holds when it is seen for the first time at the start of the client.
        case end
    }

    package var patterns: [PathPattern]
    /// A glob without a separator is compared with the file's name, one with a separator with its path.
    package var exclude: [Glob] = []
    package var method = Method.watch
    package var start = Start.beginning
    /// How long a writer may go on after a rename, and how long a file is quiet before it counts as closed.
    package var rotateWait: Duration = .seconds(5)
    /// Files not modified for so long when they are first seen are left alone; nil: none are.
    package var ignoreOlder: Duration?
    /// Whether a file is removed once it is complete and acknowledged.
    package var deletesDelivered = false

    package init(patterns: [PathPattern]) { self.patterns = patterns }

    /// Whether this path is taken.
    package func takes(_ path: SourcePath) -> Bool { if case .taken = verdict(path) { true } else { false } }

    /// Whether a path is left out, whatever the patterns say.
    package func excludes(_ path: SourcePath) -> Bool { exclusion(of: path) != nil }
}

extension FileSelection {
    /// Whether a path is taken, and what decides.
    package enum Verdict: Sendable, Hashable {
        case taken(by: PathPattern)
        case excluded(by: Glob)
        case noPattern
    }

    package func verdict(_ path: SourcePath) -> Verdict {
        guard let pattern = patterns.first(where: { $0.matches(path) }) else { return .noPattern }
        return exclusion(of: path).map { .excluded(by: $0) } ?? .taken(by: pattern)
    }

    private func exclusion(of path: SourcePath) -> Glob? {
        exclude.first { glob in
            glob.pattern.contains("/") ? glob.matches(path.bytes) : glob.matches(path.name)
        }
    }
}
