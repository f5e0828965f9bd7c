import HamsterCore
import HamsterFiles
import HamsterTesting
import Testing

@testable import HamsterState

struct StateCodecTests {
    static func records(_ count: Int, seed: UInt64 = 1) -> [FileRecord] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in random.record() }
    }

    @Test(arguments: 0..<100)
    func `what was written is read again`(seed: UInt64) throws {
        let records = Self.records(Int(seed % 6), seed: seed)
        #expect(try StateCodec.decode(StateCodec.encode(records)) == records)
    }

    @Test func `the text is for people, too`() throws {
        let record = FileRecord(
            identity: FileIdentity(inode: 12, born: FileTime(nanoseconds: -5), device: 7), generation: 3,
            path: SourcePath("/var/a b.log"),
            position: SourcePosition(
                offset: 4, tail: SourceTail(Array("abcd".utf8)), head: SourceHead(Array("abcd".utf8))),
            sizeSeen: 9, seenAt: 99)
        let lines = String(decoding: StateCodec.encode([record]), as: UTF8.self).split(separator: "\n")

        #expect(lines.count == 3)
        #expect(lines[0] == "loghamster-client-state 1")
        #expect(
            lines[1]
                == "inode=12 born=-5 generation=3 offset=4 seen=99 tail=61626364 head=4:ed82cd11 "
                + "prefixes=e8b7be43,9e83486d,ed82cd11 size=9 since=-5 skipped=0 path=2f7661722f6120622e6c6f67 # /var/a b.log"
        )
        #expect(lines[2].hasPrefix("crc32 "))
    }

    @Test func `with no acknowledgement the beginning is kept instead`() throws {
        var record = FileRecord(
            identity: FileIdentity(inode: 12, born: nil, device: 7), path: SourcePath("/a"), seenAt: 99)
        record.begun = SourceHead(Array("abcd".utf8))
        let text = String(decoding: StateCodec.encode([record]), as: UTF8.self)

        #expect(text.contains(" head=0:00000000 prefixes= begun=4:ed82cd11 begunprefixes=e8b7be43,9e83486d,ed82cd11 "))
        #expect(try StateCodec.decode(Array(text.utf8)) == [record])
    }

    @Test func `what an older version did not write is not known`() throws {
        let body =
            "loghamster-client-state 1\ninode=12 born=5 generation=3 offset=4 seen=99 tail=61626364 path=2f61 # /a\n"
        let text = "\(body)crc32 \(ContinuityCheck(value: crc32(of: Array(body.utf8))))\n"
        let record = try #require(try StateCodec.decode(Array(text.utf8)).first)

        #expect(record.position.head == SourceHead() && record.sizeSeen == 4)
        #expect(record.since == FileTime(nanoseconds: 5))
    }

    @Test func `path bytes that are not UTF-8 or that look like fields come back`() throws {
        let identity = FileIdentity(inode: 1, born: nil, device: 2)
        for bytes: [UInt8] in [[0x2F, 0xFF, 0xFE], Array("/a\noffset=9 # x".utf8), Array("/\r\n\u{1B}é".utf8), []] {
            let record = FileRecord(
                identity: identity, path: SourcePath(bytes: bytes), position: SourcePosition(offset: 1), seenAt: 0)
            #expect(try StateCodec.decode(StateCodec.encode([record])) == [record])
        }
    }

    @Test func `cut off after any byte it is damaged`() {
        let whole = StateCodec.encode(Self.records(2))
        for count in whole.indices {
            #expect(throws: StateDamage.self) { try StateCodec.decode(Array(whole.prefix(count))) }
        }
    }

    @Test func `with a bit flipped in any byte it is damaged`() {
        let whole = StateCodec.encode(Self.records(2))
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 1 << (index % 8)
            #expect(throws: StateDamage.self) { try StateCodec.decode(flipped) }
        }
    }

    @Test(arguments: [
        ("loghamster-client-state 2\n", "it is of another version"),
        ("loghamster-client-state 1\nsomething\n", "line 2 is not understood"),
        ("loghamster-client-state 1\ninode=1 generation=0 offset=0 seen=0 tail= path=2f\n", "line 2 is not understood"),
        (
            "loghamster-client-state 1\ninode=1 born=0 generation=0 offset=0 seen=0 tail=1 path=2f\n",
            "line 2 is not understood"
        ),
        (
            "loghamster-client-state 1\ninode=1 born=0 generation=0 offset=-1 seen=0 tail= path=2f\n",
            "line 2 is not understood"
        ),
        ("loghamster-client-state 1\n\n", "line 2 is not understood"),
        (
            "loghamster-client-state 1\ninode=1 born=1 generation=0 offset=0 seen=0 tail= head=1025:00000000 path=2f\n",
            "line 2 is not understood"
        ),
        (
            "loghamster-client-state 1\ninode=1 born=1 generation=0 offset=0 seen=0 tail= head=1 path=2f\n",
            "line 2 is not understood"
        ),
    ])
    func `a whole file of another form is told apart`(body: String, reason: String) {
        let check = ContinuityCheck(value: crc32(of: Array(body.utf8)))
        #expect(throws: StateDamage(reason: reason)) { try StateCodec.decode(Array("\(body)crc32 \(check)\n".utf8)) }
    }

    @Test(arguments: [
        ("", "it is cut off"), ("\n", "its checksum does not match its content"), ("crc32 00000000\n", ""),
        ("loghamster-client-state 1\n", "its checksum does not match its content"),
    ])
    func `what is no state file is damaged`(text: String, reason: String) {
        #expect { _ = try StateCodec.decode(Array(text.utf8)) } throws: {
            reason.isEmpty || ($0 as? StateDamage)?.reason == reason
        }
    }
}

struct FileRecordTests {
    private func token(_ inode: UInt64, born: Int64?, device: UInt64?, generation: UInt32 = 0) -> String? {
        let identity = FileIdentity(inode: inode, born: born.map { FileTime(nanoseconds: $0) }, device: device)
        return FileRecord(identity: identity, generation: generation, path: SourcePath("/a"), seenAt: 0).token?.text
    }

    @Test func `the token is made of identity and generation alone`() {
        #expect(token(255, born: 16, device: 3) == "iff-b10-g0")
        #expect(token(255, born: 16, device: 4, generation: 2) == "iff-b10-g2")
        #expect(token(255, born: nil, device: 17) == "iff-d11-g0")
        #expect(token(255, born: nil, device: nil) == "iff-d0-g0")
    }

    @Test func `the longest and the oddest identities have a token`() {
        #expect(token(.max, born: .min, device: nil, generation: .max) != nil)
        #expect(token(.max, born: nil, device: .max, generation: .max) != nil)
    }
}

extension SeededGenerator {
    mutating func record() -> FileRecord {
        let identity = FileIdentity(
            inode: next(), born: bool() ? FileTime(nanoseconds: Int64(bitPattern: next())) : nil, device: next())
        let position = SourcePosition(
            offset: next(), tail: SourceTail(bytes(0...64, of: 0...255)),
            head: SourceHead(bytes(0...2_000, of: 0...255)))
        var record = FileRecord(
            identity: identity, generation: UInt32(truncatingIfNeeded: next()),
            path: SourcePath(bytes: bytes(0...40, of: 0...255)), position: position, sizeSeen: next(),
            seenAt: Int64(bitPattern: next()))
        if bool() { record.position = SourcePosition() }
        if record.position.offset == 0 { record.begun = SourceHead(bytes(0...2_000, of: 0...255)) }
        if bool() { record.since = FileTime(nanoseconds: Int64(bitPattern: next())) }
        return record
    }
}
