package import HamsterCore

/// One `[output.NAME]`: which streams it takes and where they go.
package struct OutputRule: Sendable, Hashable {
    /// How streams share the file; see docs/delivery.md.
    package enum Framing: Sendable, Hashable {
        /// One source at a time; a byte-identical replica.
        case bytes
        /// Whole lines of several sources.
        case lines
    }

    package var name: String
    package var destination: Destination
    package var framing: Framing
    /// Permission bits of a file that is created.
    package var mode: UInt32
    /// User and group of a file that is created; nil leaves them as they come.
    package var owner: FileOwner?

    package init(
        name: String, destination: Destination, framing: Framing, mode: UInt32 = 0o640, owner: FileOwner? = nil
    ) {
        self.name = name
        self.destination = destination
        self.framing = framing
        self.mode = mode
        self.owner = owner
    }
}

/// The owner of an output, as numbers: names are looked up when the configuration is read.
package struct FileOwner: Sendable, Hashable {
    package var user: UInt32
    package var group: UInt32

    package init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }
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
