import HamsterCore
import HamsterFiles
import Testing

@testable import HamsterStore

@Suite struct JournalFormatTests {
    let format = JournalFormat(salt: 0x0123_4567_89AB_CDEF)

    func commit(_ number: Int) throws -> CommitRecord {
        let file = try #require(FileToken("token-\(number)"))
        let identity = FileIdentity(inode: UInt64(number), born: FileTime(nanoseconds: 5), device: nil)
        let location: OutputTarget.Location =
            number.isMultiple(of: 2) ? .absolute(SourcePath("/var/x")) : .beneath(components: [[1, 255], [2]])
        return CommitRecord(
            outputs: [
                OutputRecord(number: 3, location: location, identity: identity, length: .max, lastSeen: -1)
            ],
            streams: [
                StreamRecord(
                    key: FileKey(host: "web1", file: file),
                    position: StreamPosition(offset: 1 << 40, tail: SourceTail([0, 255, 10])), output: 3, lastSeen: 9)
            ])
    }

    func journal() throws -> (bytes: [UInt8], ends: [Int]) {
        var bytes = format.header
        var ends = [bytes.count]
        for number in 0..<3 {
            bytes += format.frame(try commit(number).encoded, at: bytes.count)
            ends.append(bytes.count)
        }
        return (bytes, ends)
    }

    @Test func `what was written is read again`() throws {
        let (bytes, _) = try journal()

        let content = try JournalFormat.read(bytes)
        #expect(content.format == format)
        #expect(content.commits == [try commit(0), try commit(1), try commit(2)])
        #expect(content.validSize == bytes.count)
    }

    @Test func `truncated at any byte, the whole frames before it hold`() throws {
        let (bytes, ends) = try journal()
        for size in JournalFormat.headerSize...bytes.count {
            let content = try JournalFormat.read(Array(bytes.prefix(size)))
            #expect(content.validSize == ends.last { $0 <= size })
            #expect(content.commits.count == ends.filter { $0 <= size }.count - 1)
        }
        for size in 0..<JournalFormat.headerSize {
            #expect(throws: JournalFormat.Damage.damaged(atByte: 0)) {
                try JournalFormat.read(Array(bytes.prefix(size)))
            }
        }
    }

    @Test func `a flipped bit is an error that names its frame, and in the last frame a torn end`() throws {
        let (bytes, ends) = try journal()
        for bit in 0..<8 * bytes.count {
            let index = bit / 8
            var flipped = bytes
            flipped[index] ^= 1 << (bit % 8)
            if index >= ends[2] {
                #expect(try JournalFormat.read(flipped).validSize == ends[2])
            } else if index == 7 {
                #expect(throws: JournalFormat.Damage.unknownVersion(flipped[7])) { try JournalFormat.read(flipped) }
            } else {
                let start = index < ends[0] ? 0 : ends.last { $0 <= index } ?? 0
                #expect(throws: JournalFormat.Damage.damaged(atByte: start)) { try JournalFormat.read(flipped) }
            }
        }
    }

    @Test func `zeros behind the last frame are a torn end`() throws {
        let (bytes, _) = try journal()

        #expect(try JournalFormat.read(bytes + [UInt8](repeating: 0, count: 5000)).validSize == bytes.count)
    }

    @Test func `a frame at another place, or of another journal, does not hold`() throws {
        let (bytes, ends) = try journal()
        let last = Array(bytes[ends[2]...])
        let other = JournalFormat(salt: 1).frame(try commit(5).encoded, at: bytes.count + 1)

        #expect(try JournalFormat.read(bytes + last).validSize == bytes.count)
        #expect(try JournalFormat.read(bytes + [0] + other).validSize == bytes.count)
    }

    @Test func `random payloads never trap`() {
        for _ in 0..<2000 {
            let payload = (0..<Int.random(in: 0...60)).map { _ in UInt8.random(in: 0...255) }
            _ = CommitRecord(payload: payload[...])
        }
    }

    @Test func `the index counts what its records take, and forgets what was not seen`() throws {
        var index = JournalIndex()
        index.apply(try commit(0))
        index.apply(try commit(0))
        index.apply(try commit(1))
        #expect(index.liveSize == index.everything.encoded.count - 2)

        let key = try commit(1).streams[0].key
        let forgotten = index.remove(index.expired(before: 10, streamsOpen: [key], outputsOpen: []))
        #expect(forgotten.streams.map(\.key) == [try commit(0).streams[0].key])
        #expect(index.everything.streams.map(\.key) == [key])
        #expect(index.outputs.isEmpty)
        #expect(index.number(of: .absolute(SourcePath("/new"))) == 4)
    }
}
