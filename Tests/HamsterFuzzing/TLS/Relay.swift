/// What somebody between two ends does to one record.
struct RelayEdit {
    enum Kind: UInt8, CaseIterable {
        /// Changes one byte.
        case change
        /// Takes its end away.
        case cut
        case repetition
        case removal
        /// Lets the next one pass first.
        case delay
        /// Puts a record of any type before it.
        case addition
        /// Brings it in two parts, which is no offence.
        case split
        /// Closes the socket before it.
        case end
    }

    static let inputBytes = 4

    var isToServer: Bool
    var kind: Kind
    /// Which record of its direction, from 0.
    var record: Int
    var place: Int
    var value: UInt8

    /// Bits of the first byte: direction, then kind, then the record's number; two bytes of place; one of value.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.inputBytes, let first = bytes.first, let kind = Kind(rawValue: first >> 1 & 7) else {
            return nil
        }
        let rest = Array(bytes.dropFirst())
        isToServer = first & 1 == 0
        self.kind = kind
        record = Int(first >> 4)
        place = Int(rest[0]) << 8 | Int(rest[1])
        value = rest[2]
    }

    /// More would repeat one record without end: each repetition doubles what the others have made of it.
    private static let editsMax = 8

    /// The edits that an input means.
    static func edits(_ input: [UInt8]) -> [Self] {
        let bytes = input.prefix(editsMax * inputBytes)
        return stride(from: 0, to: bytes.count, by: inputBytes).compactMap { Self(bytes[$0...].prefix(inputBytes)) }
    }

    static func input(isToServer: Bool, _ kind: Kind, record: UInt8, place: UInt8 = 9, value: UInt8 = 1) -> [UInt8] {
        [(isToServer ? 0 : 1) | kind.rawValue << 1 | record << 4, 0, place, value]
    }
}

/// One direction of a connection with somebody in between.
struct Relay {
    private let edits: [RelayEdit]
    private var recordCount = 0
    private var delayed: [UInt8] = []
    /// The socket has been closed: nothing more is brought.
    private(set) var hasEnded = false

    init(_ edits: [RelayEdit]) { self.edits = edits }

    /// What is brought in place of a record.
    mutating func pieces(of record: [UInt8]) -> [[UInt8]] {
        guard !hasEnded else { return [] }
        defer { recordCount += 1 }
        var pieces = [record]
        var isDelayed = false
        for edit in edits where edit.record == recordCount {
            switch edit.kind {
            case .delay: isDelayed = true
            case .end:
                hasEnded = true
                return []
            default: pieces = pieces.flatMap { Self.apply(edit, to: $0) }
            }
        }
        let late = delayed
        delayed = isDelayed ? pieces.flatMap(\.self) : []
        return (isDelayed ? [] : pieces) + (late.isEmpty ? [] : [late])
    }

    private static func apply(_ edit: RelayEdit, to record: [UInt8]) -> [[UInt8]] {
        guard !record.isEmpty else { return [] }
        let place = edit.place % record.count
        switch edit.kind {
        case .change:
            var record = record
            record[place] ^= edit.value
            return [record]
        case .cut: return [Array(record.prefix(place))]
        case .repetition: return [record, record]
        case .removal: return []
        case .addition: return [[edit.value, 3, 3, 0, 2, 1, UInt8(truncatingIfNeeded: edit.place)], record]
        case .split: return [Array(record.prefix(place)), Array(record.dropFirst(place))]
        case .delay, .end: return [record]
        }
    }
}
