internal import HamsterCore
internal import HamsterFiles

/// An output as it was at a commit.
package struct OutputRecord: Sendable, Hashable {
    /// What stream records name the output by.
    var number: UInt32
    var location: OutputTarget.Location
    var identity: FileIdentity
    /// In bytes; what is behind it was never acknowledged.
    var length: UInt64
    /// Unix seconds.
    var lastSeen: Int64
    /// The host whose stream has made the output since the start; nil: it was known before. The journal does not keep this.
    var maker: String?

    /// The output has no file at present: it was put aside. No file has this identity.
    var departed: Self {
        var record = self
        record.identity = FileIdentity(inode: 0, born: nil, device: 0)
        record.length = 0
        return record
    }

    var isDeparted: Bool { identity.inode == 0 }
}

/// An acknowledged stream as it was at a commit.
package struct StreamRecord: Sendable, Hashable {
    var key: FileKey
    var position: StreamPosition
    /// The number of its output.
    var output: UInt32
    /// Unix seconds.
    var lastSeen: Int64
}

/// What one frame of the journal says: it holds as a whole, or not at all.
package struct CommitRecord: Sendable, Hashable {
    package var outputs: [OutputRecord] = []
    package var streams: [StreamRecord] = []

    var isEmpty: Bool { outputs.isEmpty && streams.isEmpty }

    /// Puts a later commit behind this one. Where both say something of the same thing, the later one holds.
    mutating func add(_ later: Self) {
        outputs += later.outputs
        streams += later.streams
    }
}

extension CommitRecord {
    /// The frame's payload.
    package var encoded: [UInt8] {
        var encoder = ByteEncoder()
        encoder.add(UInt64(outputs.count))
        for output in outputs { encoder.add(output) }
        encoder.add(UInt64(streams.count))
        for stream in streams { encoder.add(stream) }
        return encoder.bytes
    }

    /// Nil where the bytes are no payload of this version.
    package init?(payload: ArraySlice<UInt8>) {
        var decoder = ByteDecoder(rest: payload)
        guard let outputs = decoder.list(of: { $0.output() }), let streams = decoder.list(of: { $0.stream() }),
            decoder.rest.isEmpty
        else { return nil }
        self.init(outputs: outputs, streams: streams)
    }
}

extension OutputRecord {
    var encodedSize: Int {
        var encoder = ByteEncoder()
        encoder.add(self)
        return encoder.bytes.count
    }
}

extension StreamRecord {
    var encodedSize: Int {
        var encoder = ByteEncoder()
        encoder.add(self)
        return encoder.bytes.count
    }
}

/// Numbers are LEB128; byte strings have their length before them.
private struct ByteEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func add(_ string: some Collection<UInt8>) {
        add(UInt64(string.count))
        bytes.append(contentsOf: string)
    }

    /// Nil is 0; anything else is one more, so that only the largest number is lost.
    mutating func add(_ number: UInt64?) { add(number.map { $0 == .max ? $0 : $0 + 1 } ?? 0) }

    mutating func add(_ output: OutputRecord) {
        add(UInt64(output.number))
        switch output.location {
        case .beneath(let components):
            add(0 as UInt64)
            add(UInt64(components.count))
            for component in components { add(component) }
        case .absolute(let path):
            add(1 as UInt64)
            add(path.bytes)
        }
        add(output.identity.inode)
        add(output.identity.born.map { UInt64(bitPattern: $0.nanoseconds) })
        add(output.identity.device)
        add(output.length)
        add(UInt64(bitPattern: output.lastSeen))
    }

    mutating func add(_ stream: StreamRecord) {
        add(Array(stream.key.host.utf8))
        add(Array(stream.key.file.text.utf8))
        add(stream.position.offset)
        add(stream.position.tail.bytes)
        add(UInt64(stream.output))
        add(UInt64(bitPattern: stream.lastSeen))
    }
}

private struct ByteDecoder {
    var rest: ArraySlice<UInt8>

    mutating func number() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: 0, through: 63, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            number |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return number }
        }
        return nil
    }

    mutating func string() -> ArraySlice<UInt8>? {
        guard let count = number(), count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    mutating func optionalNumber() -> UInt64?? { number().map { $0 == 0 ? nil : $0 - 1 } }

    mutating func list<Element>(of element: (inout Self) -> Element?) -> [Element]? {
        guard let count = number(), count <= UInt64(rest.count) else { return nil }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let next = element(&self) else { return nil }
            elements.append(next)
        }
        return elements
    }

    mutating func location() -> OutputTarget.Location? {
        switch number() {
        case 0: list(of: { $0.string().map(Array.init) }).map { .beneath(components: $0) }
        case 1: string().map { .absolute(SourcePath(bytes: Array($0))) }
        default: nil
        }
    }

    mutating func output() -> OutputRecord? {
        guard let number = number(), let number = UInt32(exactly: number), let location = location(),
            let inode = self.number(), let born = optionalNumber(), let device = optionalNumber(),
            let length = self.number(), let lastSeen = self.number()
        else { return nil }
        let identity = FileIdentity(
            inode: inode, born: born.map { FileTime(nanoseconds: Int64(bitPattern: $0)) }, device: device)
        return OutputRecord(
            number: number, location: location, identity: identity, length: length,
            lastSeen: Int64(bitPattern: lastSeen))
    }

    mutating func stream() -> StreamRecord? {
        guard let host = string(), let token = string(),
            let file = FileToken(String(decoding: token, as: UTF8.self)), let offset = number(), let tail = string(),
            tail.count <= SourceTail.bytesMax, let output = number(), let output = UInt32(exactly: output),
            let lastSeen = number()
        else { return nil }
        return StreamRecord(
            key: FileKey(host: String(decoding: host, as: UTF8.self), file: file),
            position: StreamPosition(offset: offset, tail: SourceTail(tail)), output: output,
            lastSeen: Int64(bitPattern: lastSeen))
    }
}
