internal import HamsterCore
internal import HamsterFiles

/// What is known of a source's bytes, to hold against a file.
enum ContentMatch: Sendable {
    /// What was sent from the source so far.
    case position(SourcePosition)
    /// What a server knows; nil: nothing but the offset.
    case check(ContinuityCheck?, offset: UInt64)

    var offset: UInt64 {
        switch self {
        case .position(let position): position.offset
        case .check(_, let offset): offset
        }
    }

    /// Whether the file can be the source, or a copy of it. Where nothing is known nothing contradicts.
    func holds(for file: any ReadableFile) throws(FileError) -> Bool {
        guard try file.status().size >= offset else { return false }
        switch self {
        case .position(let position):
            let expected = position.tail.bytes
            let found = try file.bytes(at: offset - UInt64(expected.count), count: expected.count)
            guard found == expected else { return false }
            return position.head.matches(try file.bytes(at: 0, count: position.head.byteCount))
        case .check(nil, _):
            return true
        case .check(.some(let check), _):
            let count = Int(min(offset, UInt64(SourceTail.bytesMax)))
            return SourceTail(try file.bytes(at: offset - UInt64(count), count: count)).check(at: offset) == check
        }
    }

    /// Whether a file can be a copy of the other one as it is now, or the beginning of one: judged by its first and its
    /// last bytes.
    static func isCopy(_ file: any ReadableFile, of other: any ReadableFile) throws(FileError) -> Bool {
        let size = try file.status().size
        guard size <= (try other.status().size) else { return false }
        let head = Int(min(size, UInt64(SourceHead.bytesMax)))
        let tail = Int(min(size, UInt64(SourceTail.bytesMax)))
        guard try file.bytes(at: 0, count: head) == other.bytes(at: 0, count: head) else { return false }
        let start = size - UInt64(tail)
        return try file.bytes(at: start, count: tail) == other.bytes(at: start, count: tail)
    }

    /// Whether two files begin with the same bytes, as far as both reach.
    static func isSameBeginning(_ file: any ReadableFile, _ other: any ReadableFile) throws(FileError) -> Bool {
        let first = try file.bytes(at: 0, count: SourceHead.bytesMax)
        let second = try other.bytes(at: 0, count: SourceHead.bytesMax)
        let count = min(first.count, second.count)
        return first.prefix(count) == second.prefix(count)
    }
}
