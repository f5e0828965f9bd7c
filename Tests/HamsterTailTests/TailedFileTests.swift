import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting
import Testing

struct TailedFileTests {
    let directory: ScratchDirectory
    let text = logText(bytes: 2_000)
    let budget = OpenFileBudget(filesMax: 2)

    init() throws {
        directory = try ScratchDirectory()
        try directory.write("a.log", text)
    }

    private func tailed(_ name: String = "a.log", at offset: Int = 0) throws -> TailedFile {
        let path = SourcePath(directory(name))
        let handle = try LinuxFileSystem().open(path)
        let record = FileRecord(
            identity: try handle.status().identity, path: path, position: position(offset), seenAt: 0)
        return TailedFile(
            handle, identity: record.identity, at: path, record: record, fileSystem: LinuxFileSystem(), budget: budget)
    }

    private func position(_ offset: Int) -> SourcePosition {
        SourcePosition(
            offset: UInt64(offset), tail: SourceTail(text[..<offset]), head: SourceHead(Array(text[..<offset])))
    }

    @Test(arguments: [0, 1, 63, 64, 65, 1_024, 2_000])
    func `a file that has only grown goes on`(offset: Int) throws {
        let file = try tailed()
        try directory.append("a.log", "more\n")
        let check = position(offset).tail.check(at: UInt64(offset))

        #expect(try file.continues(position(offset)))
        #expect(try file.position(at: UInt64(offset)) == position(offset))
        #expect(try file.position(at: UInt64(offset), check: check) == position(offset))
    }

    @Test func `a shorter file holds other content`() throws {
        try directory.write("b.log", text.prefix(500))
        let shorter = try tailed("b.log")

        #expect(try !shorter.continues(position(501)))
        #expect(try shorter.position(at: 501, check: nil) == nil)
        #expect(try shorter.continues(position(500)))
    }

    @Test(arguments: [0, 900, 1_936, 1_999])
    func `one other byte before the offset or at the beginning is other content`(index: Int) throws {
        var other = text
        other[index] ^= 1
        try directory.write("b.log", other)

        #expect(try !tailed("b.log").continues(position(2_000)))
        #expect(try tailed("b.log", at: 2_000).position(at: 2_000, check: nil) == nil)
        #expect(try tailed("b.log").continues(position(index)))
    }

    @Test func `a server's check decides where we know nothing`() throws {
        let check = position(1_000).tail.check(at: 1_000)
        var other = text
        other[999] ^= 1
        try directory.write("b.log", other)

        #expect(try tailed().position(at: 1_000, check: check) == position(1_000))
        #expect(try tailed("b.log").position(at: 1_000, check: check) == nil)
        #expect(try tailed("b.log").position(at: 1_000, check: nil) != nil)
    }

    @Test func `where nothing is known nothing contradicts`() throws {
        #expect(try tailed().continues(SourcePosition(offset: 500)))
    }

    @Test func `a file that was renamed or removed is read on`() throws {
        let file = try tailed()
        try directory.rename("a.log", to: "a.log.1")
        try directory.append("a.log.1", "late\n")
        try LinuxFileSystem().remove(SourcePath(directory("a.log.1")))

        #expect(try file.status().size == 2_005)
        #expect(try file.position(at: 2_005).tail.bytes.suffix(5).elementsEqual("late\n".utf8))
    }

    @Test func `acknowledgements only move on, a server's word moves anywhere`() throws {
        let file = try tailed()
        #expect(file.acknowledge(position(100), now: 5).position == position(100))
        #expect(file.acknowledge(position(50), now: 6) == file.record)
        #expect(file.record.position == position(100) && file.record.seenAt == 5)
        #expect(file.resume(at: position(20), now: 7).position == position(20))
        #expect(file.acknowledged == 20)
    }

    @Test func `other content starts over under another token`() throws {
        let file = try tailed()
        let token = file.acknowledge(position(100), now: 1).token
        let record = file.startOver(
            size: 7, since: FileTime(nanoseconds: 1_000_000_000), now: FileTime(nanoseconds: 2_000_000_000))

        #expect(record.generation == 1 && record.position == SourcePosition() && record.seenAt == 2)
        #expect(record.since == FileTime(nanoseconds: 1_000_000_000) && record.sizeSeen == 7)
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

    @Test func `a file that became shorter behind what was sent has lost the difference once`() throws {
        let file = try tailed(at: 1_000)
        var lost: [UInt64] = []
        #expect(try file.isContinued { lost.append($0) })
        try directory.write("a.log", text.prefix(1_500))
        #expect(try file.isContinued { lost.append($0) })
        #expect(try file.isContinued { lost.append($0) })
        #expect(lost == [500])
    }

    @Test(arguments: [0, 1_000])
    func `a file that became shorter and holds other bytes is not continued`(offset: Int) throws {
        let file = try tailed(at: offset)
        #expect(try file.isContinued())
        try directory.write("a.log", [UInt8](repeating: 0x78, count: 1_500))
        #expect(try !file.isContinued())
    }

    @Test func `above the budget the file that was opened first is closed, and opened again by its name`() throws {
        for name in ["b.log", "c.log"] { try directory.write(name, name) }
        let files = try ["a.log", "b.log", "c.log"].map { try tailed($0) }

        #expect(files.map(\.isOpen) == [false, true, true])
        #expect(try files[0].status().size == 2_000)
        #expect(files.map(\.isOpen) == [true, false, true])
        #expect(budget.count == 2)
    }

    @Test func `a file that was removed is not closed: nobody could open it again`() throws {
        for name in ["b.log", "c.log"] { try directory.write(name, name) }
        let removed = try tailed("a.log")
        try LinuxFileSystem().remove(SourcePath(directory("a.log")))
        let others = [try tailed("b.log"), try tailed("c.log")]

        #expect(removed.isOpen)
        #expect(try removed.status().size == 2_000)
        withExtendedLifetime(others) {}
    }

    @Test func `a file that is read stays open, and one that was rotated while another can be closed`() throws {
        for name in ["b.log", "c.log"] { try directory.write(name, name) }
        let rotated = try tailed("a.log")
        rotated.markRotated(at: .now)
        let other = try tailed("b.log")
        let used = try tailed("c.log")
        used.beginUse()
        #expect([rotated, other, used].map(\.isOpen) == [true, false, true])

        #expect(try other.status().size == 5)
        #expect([rotated, other, used].map(\.isOpen) == [false, true, true])
        #expect(try rotated.status().size == 2_000)
        #expect(budget.count == 2)
    }

    @Test func `a rotated file whose name leads to another one stays open`() throws {
        for name in ["b.log", "c.log"] { try directory.write(name, name) }
        let rotated = try tailed("a.log")
        rotated.markRotated(at: .now)
        try directory.rename("b.log", to: "a.log")
        let used = try tailed("c.log")
        used.beginUse()
        let other = try tailed("a.log")

        #expect(rotated.isOpen && used.isOpen && other.isOpen)
    }

    @Test func `a closed file whose name leads to another one is not taken for it`() throws {
        for name in ["b.log", "c.log"] { try directory.write(name, name) }
        let files = try ["a.log", "b.log", "c.log"].map { try tailed($0) }
        try directory.rename("b.log", to: "a.log")

        #expect { _ = try files[0].open() } throws: { ($0 as? FileError)?.isStale ?? false }
        withExtendedLifetime(files) {}
    }
}
