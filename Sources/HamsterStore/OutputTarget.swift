package import HamsterCore
internal import HamsterFiles

/// Where a stream's bytes go, and how.
package struct OutputTarget: Sendable, Hashable {
    /// The place of an output file.
    package enum Location: Sendable, Hashable {
        /// Path components below the store's directory; no symbolic link leads out of it.
        case beneath(components: [[UInt8]])
        /// An absolute path that the operator has chosen.
        case absolute(SourcePath)
    }

    /// How several streams share an output, if at all.
    package enum Framing: Sendable, Hashable {
        /// One stream at a time; the output is its source's bytes.
        case bytes
        /// Any number of streams, whole lines only.
        case lines
    }

    package var location: Location
    package var framing: Framing
    /// Permission bits of a file that is made.
    package var mode: UInt32
    /// Numeric owner of a file that is made; nil: the process's.
    package var owner: UInt32?
    /// Numeric group of a file that is made; nil: the process's.
    package var group: UInt32?
    /// Nil: the file is never put aside.
    package var rotation: RotationPolicy?

    package init(
        location: Location, framing: Framing, mode: UInt32 = 0o640, owner: UInt32? = nil, group: UInt32? = nil,
        rotation: RotationPolicy? = nil
    ) {
        self.location = location
        self.framing = framing
        self.mode = mode
        self.owner = owner
        self.group = group
        self.rotation = rotation
    }
}

extension OutputTarget.Location {
    /// One name per file, as far as names tell: an absolute path below `directory` becomes one beneath it.
    func canonical(below directory: String) -> Self {
        guard case .absolute(let path) = self else { return self }
        var base = Array(directory.utf8)
        while base.last == UInt8(ascii: "/") { base.removeLast() }
        base.append(UInt8(ascii: "/"))
        guard base.first == UInt8(ascii: "/"), path.bytes.starts(with: base) else { return self }
        let rest = SourcePath(bytes: Array(path.bytes.dropFirst(base.count)))
        return .beneath(components: rest.components.map { Array($0) })
    }

    /// The last component; empty for a path without any.
    var name: [UInt8] {
        switch self {
        case .beneath(let components): components.last ?? []
        case .absolute(let path): Array(path.components.last ?? [])
        }
    }

    /// Another name in the same directory.
    func sibling(_ name: [UInt8]) -> Self {
        switch self {
        case .beneath(let components): .beneath(components: components.dropLast() + [name])
        case .absolute(let path): .absolute(SourcePath(bytes: path.bytes.dropLast(self.name.count) + name))
        }
    }

    /// The path of the directory that holds it.
    func parent(in directory: String) -> SourcePath {
        let bytes = located(in: directory).path.bytes.dropLast(name.count + 1)
        return SourcePath(bytes: bytes.isEmpty ? [UInt8(ascii: "/")] : Array(bytes))
    }

    func located(in directory: String) -> OutputLocation {
        switch self {
        case .beneath(let components): .beneath(base: directory, components: components)
        case .absolute(let path): .absolute(path)
        }
    }
}

/// How far a stream has come: an offset in its source, and the last bytes before it.
package struct StreamPosition: Sendable, Hashable {
    /// Source bytes below this one are accounted for.
    package var offset: UInt64
    /// The up to 64 bytes before the offset, as far as they are known here.
    package var tail: SourceTail

    package init(offset: UInt64, tail: SourceTail = SourceTail()) {
        self.offset = offset
        self.tail = tail
    }

    /// Moves on by the bytes that follow.
    mutating func advance(over bytes: RawSpan) {
        offset += UInt64(bytes.byteCount)
        tail.append(bytes)
    }
}
