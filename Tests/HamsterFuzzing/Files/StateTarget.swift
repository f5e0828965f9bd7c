import HamsterCore
import HamsterFiles
import HamsterState

/// The client's state file. What is understood is written and understood again as the same; damage has its reason in one
/// line.
struct StateTarget: FuzzTarget {
    private static let isWhole: UInt8 = 0
    /// The input has no checksum: it gets the right one, so that what is behind the checksum is reached.
    private static let lacksChecksum: UInt8 = 1

    let seeds: [[UInt8]] = {
        let whole = StateCodec.encode(records)
        let body = whole.dropLast("crc32 01234567\n".utf8.count)
        return [[isWhole] + whole, [lacksChecksum] + body, [isWhole] + StateCodec.encode([])]
    }()

    private static let records = [
        FileRecord(
            identity: FileIdentity(inode: 4_711, born: FileTime(nanoseconds: 1_700_000_000_123_456_789), device: nil),
            generation: 2, path: SourcePath("/var/log/app.log"),
            position: SourcePosition(
                offset: 70, tail: SourceTail([UInt8](0..<64)), head: SourceHead([UInt8](0..<70))), seenAt: 1_700_000_000
        ),
        FileRecord(
            identity: FileIdentity(inode: 1, born: nil, device: 2_049),
            path: SourcePath(bytes: [0x2F, 0xFF, 0x0A, 0x20]),
            sizeSeen: .max, seenAt: -1),
    ]

    func check(_ input: [UInt8]) throws {
        var bytes = Array(input.dropFirst())
        if input.first == Self.lacksChecksum { bytes += "crc32 \(ContinuityCheck(value: crc32(of: bytes)))\n".utf8 }
        let records: [FileRecord]
        do throws(StateDamage) {
            records = try StateCodec.decode(bytes)
        } catch {
            return try demandOneLine(error.reason)
        }
        let again = try? StateCodec.decode(StateCodec.encode(records))
        try demand(again == records, "read again it is \(String(describing: again)), not \(records)")
    }
}
