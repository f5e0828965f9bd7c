import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTesting
import Testing

struct StateStoreTests {
    let directory: ScratchDirectory

    init() throws { directory = try ScratchDirectory() }

    private func open() throws(StateError) -> StateStore {
        try StateStore(directory: directory("state"), fileSystem: LinuxFileSystem())
    }

    private func record(_ inode: UInt64, offset: UInt64 = 0, seenAt: Int64 = 0) -> FileRecord {
        FileRecord(
            identity: FileIdentity(inode: inode, born: FileTime(nanoseconds: 1), device: nil), path: SourcePath("/a"),
            position: SourcePosition(offset: offset), seenAt: seenAt)
    }

    @Test func `what was saved is there again, and what was not is not`() throws {
        do {
            let store = try open()
            #expect(store.records == [])
            store.update(record(1))
            store.update(record(2, offset: 5))
            store.update(record(1, offset: 9))
            try store.save()
            store.update(record(3))
        }
        let again = try open()
        #expect(again.damage == nil)
        #expect(Set(again.records) == [record(1, offset: 9), record(2, offset: 5)])
        #expect(again.record(of: record(2).identity)?.position.offset == 5)
        #expect(again.record(of: record(3).identity) == nil)
    }

    @Test func `a beginning that is new is not on disk until it is saved`() throws {
        let store = try open()
        var record = record(1)
        store.update(record)
        try store.save()
        #expect(store.isWritten(record))
        record.begun = SourceHead(Array("first".utf8))
        #expect(!store.isWritten(record))
        store.update(record)
        #expect(!store.isWritten(record))
        try store.save()
        #expect(store.isWritten(record))
    }

    @Test func `where the disk knows an acknowledgement a beginning is not waited for`() throws {
        let store = try open()
        var record = record(1, offset: 12)
        store.update(record)
        record.begun = SourceHead(Array("first".utf8))
        store.update(record)
        #expect(!store.isWritten(record))
        try store.save()
        record.begun = SourceHead(Array("first and more".utf8))
        store.update(record)
        #expect(store.isWritten(record))

        // An offset that the disk had once is of other content.
        record.generation += 1
        record.position = SourcePosition()
        store.update(record)
        try store.save()
        record.begun = SourceHead(Array("second".utf8))
        store.update(record)
        #expect(!store.isWritten(record))
    }

    @Test func `without changes nothing is written`() throws {
        let store = try open()
        try store.save()
        #expect(directory.contents("state/client.state") == nil)
        store.update(record(1))
        try store.save()
        try LinuxFileSystem().remove(SourcePath(directory("state/client.state")))
        try store.save()
        #expect(directory.contents("state/client.state") == nil)
    }

    @Test func `two clients can't use one directory, and the error says which`() throws {
        var first: StateStore? = try open()
        #expect { _ = try open() } throws: { error in
            "\(error)".contains(directory("state")) && "\(error)".contains("another loghamsterc")
        }
        _ = first?.records
        first = nil
        #expect(throws: Never.self) { try open() }
    }

    @Test func `a damaged file is moved aside and told of`() throws {
        try directory.write("state/client.state", "loghamster-client-state 1\nhalf a li")
        let store = try open()

        #expect(store.damage?.reason == "it is cut off")
        #expect(store.records == [])
        #expect(directory.contents("state/client.state") == nil)
        #expect(
            directory.contents("state/client.state.damaged").map { String(decoding: $0, as: UTF8.self) }
                == "loghamster-client-state 1\nhalf a li")
    }

    @Test func `files that are gone are forgotten, with the next save`() throws {
        do {
            let store = try open()
            for inode in UInt64(1)...3 { store.update(record(inode, seenAt: Int64(inode) * 10)) }
            try store.save()
            for record in store.records(notSeenSince: 20) { store.forget(record) }
            #expect(Set(store.records.map(\.identity.inode)) == [2, 3])
            try store.save()
        }
        #expect(Set(try open().records.map(\.identity.inode)) == [2, 3])
    }

    @Test func `records are found by the path that they were sent under`() throws {
        let store = try open()
        store.update(record(1))
        store.update(record(2, offset: 5))
        var moved = record(1)
        moved.path = SourcePath("/b")
        store.update(moved)
        store.register(record(2))

        #expect(store.records(of: SourcePath("/a")) == [record(2, offset: 5)])
        #expect(store.records(of: SourcePath("/b")) == [moved])
        store.forget(record(2))
        #expect(store.records(of: SourcePath("/a")).isEmpty)
    }

    @Test func `a file that is still there is noted once a day`() throws {
        let store = try open()
        store.touch(record(1), now: 86_400)
        #expect(store.records.isEmpty)
        store.touch(record(1), now: 86_401)
        #expect(store.records.map(\.seenAt) == [86_401])
    }

    @Test func `a save that failed is due again`() throws {
        let store = try open()
        store.update(record(1))
        // A directory in the place of the temporary file.
        try LinuxFileSystem().makeDirectory(directory("state/client.state.new"), mode: 0o700)
        #expect(throws: StateError.self) { try store.save() }
        try LinuxFileSystem().rename(
            SourcePath(directory("state/client.state.new")), to: SourcePath(directory("state/away")))
        try store.save()
        #expect(directory.contents("state/client.state") != nil)
    }

    @Test func `a place that is no directory can't be used`() throws {
        try directory.write("state", "")
        #expect { _ = try open() } throws: { error in
            if case .unusable = error as? StateError { true } else { false }
        }
    }

    @Test func `in memory nothing reaches the disk, and nothing is locked`() throws {
        let stores = [StateStore(inMemory: LinuxFileSystem()), StateStore(inMemory: LinuxFileSystem())]
        for store in stores {
            store.update(record(1))
            try store.save()
            #expect(store.records == [record(1)])
        }
    }
}
