import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting
import Testing

struct TailedFileTests {
    let directory: ScratchDirectory
    let text = logText(bytes: 1_000)

    init() throws {
        directory = try ScratchDirectory()
        try directory.write("a.log", text)
    }

    private func tailed(_ name: String = "a.log", sizeLimit: UInt64? = nil) throws -> TailedFile {
        let file = try LinuxFileSystem().open(SourcePath(directory(name)))
        let record = FileRecord(
            identity: try file.status().identity, path: SourcePath(directory(name)), offset: 0, seenAt: 0)
        return TailedFile(file: file, record: record, sizeLimit: sizeLimit)
    }

    private func tail(_ offset: Int) -> SourceTail { SourceTail(text[..<offset]) }

    @Test(arguments: [0, 1, 63, 64, 65, 1_000])
    func `a file that has only grown goes on`(offset: Int) throws {
        let file = try tailed()
        try directory.append("a.log", "more\n")

        #expect(try file.continuity(at: UInt64(offset), tail: tail(offset)) == .same)
        #expect(try file.tail(before: UInt64(offset)) == tail(offset))
        #expect(try file.continuity(at: UInt64(offset), check: tail(offset).check(at: UInt64(offset))) == .same)
    }

    @Test func `a shorter file holds other content`() throws {
        let file = try tailed()
        try directory.write("b.log", text.prefix(500))
        let shorter = try tailed("b.log")

        #expect(try file.continuity(at: 1_000, tail: tail(1_000)) == .same)
        #expect(try shorter.continuity(at: 501, tail: tail(501)) == .replaced)
        #expect(try shorter.continuity(at: 501, check: nil) == .replaced)
        #expect(try shorter.continuity(at: 500, tail: tail(500)) == .same)
    }

    @Test(arguments: [936, 999])
    func `one other byte before the offset is other content`(index: Int) throws {
        var other = text
        other[index] ^= 1
        try directory.write("b.log", other)
        let file = try tailed("b.log")

        #expect(try file.continuity(at: 1_000, tail: tail(1_000)) == .replaced)
        #expect(try file.continuity(at: 1_000, check: tail(1_000).check(at: 1_000)) == .replaced)
        #expect(try file.continuity(at: UInt64(index), tail: tail(index)) == .same)
    }

    @Test func `where nothing is known nothing contradicts`() throws {
        let file = try tailed()
        #expect(try file.continuity(at: 500, tail: SourceTail()) == .same)
        #expect(try file.continuity(at: 500, check: nil) == .same)
    }

    @Test func `a file that was renamed or removed is read on`() throws {
        let file = try tailed()
        try directory.rename("a.log", to: "a.log.1")
        try directory.append("a.log.1", "late\n")
        try LinuxFileSystem().remove(SourcePath(directory("a.log.1")))

        #expect(try file.file.status().size == 1_005)
        #expect(try file.tail(before: 1_005).bytes.suffix(5).elementsEqual("late\n".utf8))
    }

    @Test func `acknowledgements only move on, a server's word moves anywhere`() throws {
        let file = try tailed()
        #expect(file.acknowledge(100, tail: tail(100), now: 5).offset == 100)
        #expect(file.acknowledge(50, tail: tail(50), now: 6) == file.record)
        #expect(file.record.offset == 100 && file.record.tail == tail(100) && file.record.seenAt == 5)
        #expect(file.resume(at: 20, tail: tail(20), now: 7).offset == 20)
        #expect(file.acknowledged == 20)
    }

    @Test func `other content starts over under another token`() throws {
        let file = try tailed()
        let token = file.acknowledge(100, tail: tail(100), now: 1).token
        let record = file.startOver(size: 0, now: 2)

        #expect(record.generation == 1 && record.offset == 0 && record.tail == SourceTail() && record.seenAt == 2)
        #expect(record.token != token)
        #expect(record.identity == file.identity)
    }

    @Test func `the first rotation counts`() throws {
        let file = try tailed()
        #expect(file.rotatedAt == nil)
        file.markRotated(at: FileTime(nanoseconds: 1))
        file.markRotated(at: FileTime(nanoseconds: 2))
        #expect(file.rotatedAt == FileTime(nanoseconds: 1))
    }
}

struct FollowedPathTests {
    let directory: ScratchDirectory
    let followed = FollowedPath(path: SourcePath("/a"))

    init() throws { directory = try ScratchDirectory() }

    private func file(_ name: String) throws -> TailedFile {
        try directory.write(name, name)
        let file = try LinuxFileSystem().open(SourcePath(directory(name)))
        return TailedFile(
            file: file, record: FileRecord(identity: try file.status().identity, path: SourcePath("/a"), seenAt: 0))
    }

    @Test func `the files of a path are sent in the order in which it led to them`() throws {
        let files = [try file("1"), try file("2"), try file("3")]
        for (index, file) in files.enumerated() {
            followed.lead(to: file, now: FileTime(nanoseconds: Int64(index)))
        }

        #expect(followed.all.map(\.identity) == files.map(\.identity))
        #expect(followed.first === files[0])
        #expect(files.map(\.rotatedAt?.nanoseconds) == [1, 2, nil])
        #expect(followed.leads(to: files[2].identity))
        #expect(!followed.leads(to: files[0].identity))

        followed.removeDelivered(files[0])
        #expect(followed.first === files[1])
    }

    @Test func `a path that leads nowhere still has its last file`() throws {
        let only = try file("1")
        followed.lead(to: only, now: FileTime(nanoseconds: 0))
        followed.leadNowhere(now: FileTime(nanoseconds: 7))
        followed.leadNowhere(now: FileTime(nanoseconds: 8))

        #expect(!followed.leads(to: only.identity))
        #expect(only.rotatedAt?.nanoseconds == 7)
        #expect(followed.first === only)
        followed.removeDelivered(only)
        #expect(followed.first == nil)
        followed.leadNowhere(now: FileTime(nanoseconds: 9))
        #expect(followed.all.isEmpty)
    }
}
