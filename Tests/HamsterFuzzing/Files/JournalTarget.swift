import HamsterStore

/// The server's journal. What is read is written and read again as the same, what counts as torn off makes no difference,
/// and all commits together say what each of them says.
struct JournalTarget: FuzzTarget {
    private static let isWhole: UInt8 = 0
    /// The input is what a frame holds: it gets header and checksums, so that what is behind them is reached.
    private static let isPayload: UInt8 = 1
    private static let format = JournalFormat(salt: 0x0123_4567_89AB_CDEF)

    let seeds: [[UInt8]] = [
        [isPayload] + payload, [isPayload, 0, 0], [isWhole] + journal(payload), [isWhole] + journal(payload, payload),
        [isWhole] + format.header, [isWhole] + journal(payload) + Array(repeating: 0, count: 40),
    ]

    /// Two outputs and a stream, as JournalRecords.swift writes them.
    private static let payload: [UInt8] = {
        var bytes: [UInt8] = [2, 0, 0, 2]
        bytes += text("web1") + text("app.log")
        bytes += [0x83, 0x10, 0x90, 0x4E, 0, 70, 0x80, 1]
        bytes += [1, 1] + text("/var/x")
        bytes += [9, 0, 3, 0, 5]
        bytes += [1] + text("web1") + text("i1-g0")
        bytes += [70, 2, 1, 2, 0, 0x80, 1]
        return bytes
    }()

    private static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    func check(_ input: [UInt8]) throws {
        let rest = Array(input.dropFirst())
        let bytes = input.first == Self.isPayload ? Self.journal(rest) : rest
        guard let content = try? JournalFormat.read(bytes) else { return }
        try demand((20...bytes.count).contains(content.validSize), "\(content.validSize) of \(bytes.count) bytes hold")
        let torn = try? JournalFormat.read(Array(bytes.prefix(content.validSize)))
        try demand(torn?.commits == content.commits, "without its torn end it says something else")
        let written = content.commits.reduce(content.format.header) { journal, commit in
            journal + content.format.frame(commit.encoded, at: journal.count)
        }
        let again = try? JournalFormat.read(written)
        try demand(again?.commits == content.commits, "read again it is \(String(describing: again))")
        try checkIndex(content.commits)
    }

    private func checkIndex(_ commits: [CommitRecord]) throws {
        var (index, compacted) = (JournalIndex(), JournalIndex())
        for commit in commits { index.apply(commit) }
        compacted.apply(index.everything)
        let isSame =
            Set(compacted.everything.outputs) == Set(index.everything.outputs)
            && Set(compacted.everything.streams) == Set(index.everything.streams)
        try demand(isSame, "compacted it says something else")
    }

    private static func journal(_ payloads: [UInt8]...) -> [UInt8] {
        payloads.reduce(format.header) { $0 + format.frame($1, at: $0.count) }
    }
}
