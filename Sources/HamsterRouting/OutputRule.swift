package import HamsterCore

/// One `[output.NAME]`: which streams it takes, and what becomes of them.
package struct OutputRule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case write(Output)
        /// Refuse with 403.
        case deny
    }

    /// The file or files that a rule writes.
    package struct Output: Sendable, Hashable {
        package var path: PathTemplate
        package var framing: OutputFraming
        /// What stands before each line; nil: nothing.
        package var prefix: LinePrefix?
        /// Permission bits of a file that is created.
        package var mode: UInt32
        /// User and group of a file that is created; nil leaves them as they come.
        package var owner: FileOwner?
        /// Nil: the file is never put aside.
        package var rotation: RotationPolicy?

        package init(
            path: PathTemplate, framing: OutputFraming, prefix: LinePrefix? = nil, mode: UInt32 = 0o640,
            owner: FileOwner? = nil, rotation: RotationPolicy? = nil
        ) {
            self.path = path
            self.framing = framing
            self.prefix = prefix
            self.mode = mode
            self.owner = owner
            self.rotation = rotation
        }
    }

    package var name: String
    /// Nil: the streams whose service is the output's name, or whose source path is its path.
    package var match: StreamMatch?
    /// Rules are tried from the highest to the lowest, equal ones in the order of their names.
    package var priority: Int
    /// What the output's streams may bring together; nil: no limit. It says nothing about where a stream goes.
    package var bytesPerSecond: Int?
    package var action: Action

    package init(
        name: String, match: StreamMatch? = nil, priority: Int = 0, bytesPerSecond: Int? = nil, action: Action
    ) {
        self.name = name
        self.match = match
        self.priority = priority
        self.bytesPerSecond = bytesPerSecond
        self.action = action
    }

    /// The one file that an output without fields writes, where it has an absolute path.
    var fixedPath: SourcePath? {
        guard case .write(let output) = action, output.path.isFixed, output.path.text.hasPrefix("/") else { return nil }
        return SourcePath(output.path.text)
    }
}

/// How streams share a file; see docs/delivery.md.
package enum OutputFraming: Sendable, Hashable {
    /// One source at a time; a byte-identical replica.
    case bytes
    /// Whole lines of several sources.
    case lines
}

/// A file on the server.
package enum Destination: Sendable, Hashable, CustomStringConvertible {
    /// Below the server's `directory`, component by component; what a client chose never leaves it.
    case beneath([[UInt8]])
    /// A path that the operator configured.
    case absolute(SourcePath)

    package var description: String {
        switch self {
        case .beneath(let components):
            components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        case .absolute(let path): path.description
        }
    }
}
