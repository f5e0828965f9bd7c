import HamsterCore
import HamsterTail
import HamsterTesting
import Testing

struct SourceReaderTests {
    private let text = logText(bytes: 5_000)

    /// Reads as a file with these bytes would answer, a few bytes at a time.
    private func read(
        _ bytes: [UInt8], _ reader: inout SourceReader, limit: UInt64? = nil, most: Int = .max
    ) -> (answer: SourceReader.Answer?, new: [UInt8]) {
        guard let request = reader.next(below: limit) else { return (nil, []) }
        let found = Array(bytes.dropFirst(Int(request.offset)).prefix(min(request.byteCount, most)))
        let answer = reader.accept(found.span.bytes)
        guard case .batch(let overlap) = answer else { return (answer, []) }
        return (answer, Array(found.dropFirst(overlap)))
    }

    @Test(arguments: 0..<50)
    func `whatever a read brings, the bytes come in order and once`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var reader = SourceReader(from: SourcePosition())
        var sent: [UInt8] = []
        while sent.count < text.count {
            let (answer, new) = read(text, &reader, most: Int.random(in: 65...700, using: &random))
            #expect(answer != .replaced)
            sent += new
        }
        let isSame = sent == text
        #expect(isSame)
        #expect(reader.position.tail == SourceTail(text) && reader.position.head == SourceHead(text))
        #expect(read(text, &reader).answer == .end)
    }

    @Test(arguments: [4_936, 4_999])
    func `a file that was rewritten between two reads is noticed, however long it is now`(index: Int) {
        var reader = SourceReader(from: SourcePosition())
        _ = read(text, &reader)
        var other = text + text
        other[index] ^= 1
        #expect(read(other, &reader).answer == .replaced)
    }

    @Test(arguments: [0, 63, 4_999])
    func `a file that has become shorter is noticed`(size: Int) {
        var reader = SourceReader(from: SourcePosition())
        _ = read(text, &reader)
        #expect(read(Array(text.prefix(size)), &reader).answer == .replaced)
    }

    @Test func `nothing is read behind the limit`() {
        var reader = SourceReader(from: SourcePosition())
        #expect(read(text, &reader, limit: 100).new == Array(text.prefix(100)))
        #expect(read(text, &reader, limit: 100).answer == nil)
        #expect(read(text, &reader, limit: 101).new == [text[100]])
    }

    @Test func `a reader that goes on reads the bytes before its offset once more`() {
        let known = SourcePosition(
            offset: 200, tail: SourceTail(text.prefix(200)), head: SourceHead(Array(text.prefix(200))))
        var reader = SourceReader(from: known)
        #expect(reader.next(below: nil)?.offset == 136)
        #expect(read(text, &reader).new == Array(text.dropFirst(200)))
    }
}

struct SentPositionsTests {
    private func position(_ offset: UInt64) -> SourcePosition { SourcePosition(offset: offset) }

    @Test func `an acknowledgement is met by the furthest position below it, once`() {
        var sent = SentPositions()
        for offset: UInt64 in [10, 20, 30] { sent.append(position(offset)) }
        #expect(sent.acknowledged(9) == nil)
        #expect(sent.acknowledged(25)?.offset == 20)
        #expect(sent.acknowledged(29) == nil)
        #expect(sent.acknowledged(30)?.offset == 30)
    }

    @Test func `however many are sent, the last one is met exactly`() {
        var sent = SentPositions()
        for offset in UInt64(1)...10_000 { sent.append(position(offset)) }
        let met = sent.acknowledged(5_000)?.offset ?? 0
        #expect((4_900...5_000).contains(met))
        #expect(sent.acknowledged(10_000)?.offset == 10_000)
    }
}

struct RotatedNameTests {
    @Test(arguments: [
        ("app.log.1", "app.log"), ("app.log.12", "app.log"), ("app.log.0", "app.log"), ("app.1", "app"),
        ("messages-20240101", "messages"), ("app.log-20240101", "app.log"), ("app.log-2024-01-01", "app.log"),
        ("app.log.2024-01-01", "app.log"), ("app.log-20240101-1704067200", "app.log"),
        ("app.log-1704067200", "app.log"),
        ("app.log_20240101_130000", "app.log"), ("app-20240101.log", "app.log"), ("app.1.log", "app.log"),
        ("catalina.2024-01-01.log", "catalina.log"), ("app.log.old", "app.log"), ("v2-20240101", "v2"),
        ("host.example-20240101", "host.example"), ("app.log-2024010113", "app.log"),
    ])
    func `a rotated file's name tells its path's name`(name: String, base: String) {
        #expect(RotatedName.base(of: Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) } == base)
    }

    @Test(arguments: [
        "app.log", "app", "", ".1", ".log", "app.log.gz", "app.log.1.gz", "app.log-20240101.xz", "app.log.1.zst",
        "access_log", "app.123456", "app-99999999", "app.log-20241301", "app.log-", "20240101", "-20240101", "a.b.c",
        "file1.log", "app.log.",
    ])
    func `other names tell none`(name: String) {
        #expect(RotatedName.base(of: Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) } == nil)
    }
}
