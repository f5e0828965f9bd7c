import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting
import Testing

struct FollowedPathTests {
    let directory: ScratchDirectory
    let followed = FollowedPath(path: SourcePath("/a"), selection: FileSelection(patterns: []), input: 0)
    let budget = OpenFileBudget(filesMax: 100)

    init() throws { directory = try ScratchDirectory() }

    private func file(_ name: String, born: Int64? = nil) throws -> TailedFile {
        let path = SourcePath(try directory.write(name, name))
        let handle = try LinuxFileSystem().open(path)
        let found = try handle.status().identity
        let identity = born.map {
            FileIdentity(inode: found.inode, born: FileTime(nanoseconds: $0), device: nil)
        }
        return TailedFile(
            handle, identity: identity ?? found, at: path,
            record: FileRecord(identity: identity ?? found, path: SourcePath("/a"), seenAt: 0),
            fileSystem: LinuxFileSystem(), budget: budget)
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

    @Test func `files that were rotated come before the one that is there, by their birth`() throws {
        followed.lead(to: try file("now", born: 9), now: FileTime(nanoseconds: 0))
        for born: Int64 in [3, 1, 2] {
            followed.precede(with: try file("\(born)", born: born), now: FileTime(nanoseconds: 0))
        }
        #expect(followed.all.map(\.identity.born?.nanoseconds) == [1, 2, 3, 9])
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

    @Test func `a file that is sent is not delivered before it can't grow any more`() throws {
        let file = try file("text")
        followed.lead(to: file, now: .now)
        #expect(try followed.next(for: file, now: .now) == .send)
        _ = file.acknowledge(try file.position(at: 4), now: 0)
        #expect(try followed.next(for: file, now: .now) == .wait(nil))

        let writer = try OpenWriter(directory("text"))
        let now = FileTime.now
        followed.leadNowhere(now: now)
        guard case .wait(.some(let remaining)) = try followed.next(for: file, now: now) else {
            Issue.record("a file with a writer may grow")
            return
        }
        #expect(remaining == .seconds(5))
        try writer.close()
        #expect(try followed.next(for: file, now: .now) == .delivered)
        try directory.append("text", "more")
        #expect(try followed.next(for: file, now: .now) == .send)
    }
}
