import Foundation
import HamsterCore
import HamsterFiles
import HamsterStore
import Testing

/// What others do to an output while it is open, and the store told to close it.
@Suite(.timeLimit(.minutes(5))) struct OutputRotationTests {
    let scene: StoreScene
    let reports = Acknowledgements()

    init() throws { scene = try StoreScene() }

    func store(_ fileSystem: any FileSystem = LinuxFileSystem()) throws(StoreError) -> Store {
        let reports = reports
        return try scene.store(fileSystem) { reports.fail($0) }
    }

    func rename(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: "\(scene.path)/out/\(name)", toPath: "\(scene.path)/out/\(other)")
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(scene.path)/out/\(name)") }

    func truncate(_ name: String, to length: UInt64 = 0) throws {
        let handle = try #require(FileHandle(forWritingAtPath: "\(scene.path)/out/\(name)"))
        try handle.truncate(atOffset: length)
        try handle.close()
    }

    @Test(arguments: [OutputTarget.bytes("a"), .lines("a")])
    func `a reopened output is committed and closed, and its next byte goes to a new file`(
        _ target: OutputTarget
    ) throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(target, "a", told)
        try writer.append("one\n")
        try rename("a", to: "a.1")
        store.reopenOutputs()
        #expect(writer.isStalled)
        try writer.append("two\n")
        try store.commit()
        #expect(told.offsets == [8])

        try writer.append("three\n")
        #expect(!writer.isStalled)
        try store.commit()
        #expect(try scene.output("a.1") == "one\ntwo\n")
        #expect(try scene.output("a") == "three\n")
        #expect(told.offsets == [8, 14])
        #expect(told.failures == [])
        #expect(reports.failures == [])
        #expect(store.uncommittedBytes == 0)
    }

    @Test func `all writers of a reopened output go on, also those that had nothing to say`() throws {
        let store = try store()
        let a = try store.open(.lines("all"), "a")
        let b = try store.open(.lines("all"), "b")
        try a.append("a1\na")
        try rename("all", to: "all.1")
        store.reopenOutputs()
        try store.commit()
        try b.append("b1\n")
        try a.append("2\n")
        let c = try store.open(.lines("all"), "c")
        try c.append("c1\n")
        store.close()

        #expect(try scene.output("all.1") == "a1\n")
        #expect(try scene.output("all") == "b1\na2\nc1\n")
        #expect(try scene.store().recovery.outputsCut.isEmpty)
    }

    @Test func `a rename that nobody tells of is noticed at the commit`() throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(.bytes("a"), "a", told)
        try writer.append("one")
        try rename("a", to: "a.1")
        try store.commit()
        try writer.append("two")
        try store.commit()
        try writer.append("three")
        try store.commit()

        #expect(try scene.output("a.1") == "onetwo")
        #expect(try scene.output("a") == "three")
        #expect(told.offsets == [3, 6, 11])
        #expect(told.failures == [])
    }

    @Test func `bytes in a removed output are never acknowledged, and the stream resumes into a new file`() throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(.bytes("a"), "a", told)
        try writer.append("kept")
        try store.commit()
        try writer.append("gone")
        try remove("a")
        try store.commit()

        #expect(told.offsets == [4])
        #expect(told.failures.map(\.code) == [.removed])
        #expect(reports.failures.map(\.code) == [.removed])
        #expect(store.uncommittedBytes == 0)
        #expect(throws: StoreError.self) { try writer.append("late") }
        writer.close()
        let again = try store.open(.bytes("a"), "a")
        #expect(again.start.offset == 4)
        try again.append("gone")
        try store.commit()
        #expect(try scene.output("a") == "gone")
        #expect(try store.offset("a") == 8)
    }

    @Test func `a removed output costs only the streams that had bytes in it, and no plain one`() throws {
        let (busy, idle, plain) = (Acknowledgements(), Acknowledgements(), Acknowledgements())
        let store = try store()
        let a = try store.open(.lines("all"), "a", busy)
        let b = try store.open(.lines("all"), "b", idle)
        let c = try store.open(.lines("all"), nil, plain)
        try a.append("a1\n")
        try c.append("c1\n")
        try remove("all")
        try store.commit()
        #expect(throws: StoreError.self) { try a.append("a2\n") }
        try b.append("b1\n")
        try c.append("c2\n")
        try store.commit()

        #expect(busy.failures.map(\.code) == [.removed])
        #expect(busy.offsets == [])
        #expect(idle.failures == [])
        #expect(plain.offsets == [3, 6])
        #expect(try scene.output("all") == "b1\nc2\n")
    }

    @Test func `a quiet output that was removed loses nothing`() throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(.bytes("a"), "a", told)
        try writer.append("one")
        try store.commit()
        try remove("a")
        #expect(writer.isStalled)
        try writer.append("two")
        try store.commit()

        #expect(try scene.output("a") == "two")
        #expect(told.offsets == [3, 6])
        #expect(told.failures == [])
    }

    @Test func `an output that somebody cuts goes on at its new end, without a hole`() throws {
        let told = Acknowledgements()
        do {
            let store = try store()
            let writer = try store.open(.bytes("a"), "a", told)
            try writer.append("0123456789")
            try truncate("a", to: 2)
            try writer.append("abc")
            try store.commit()
            #expect(reports.failures.map(\.code) == [.truncated])
            #expect(reports.failures.map(\.number) == [8])
            try writer.append("not committed")
        }

        // The length was recorded anew, so that the start knows what to cut.
        let store = try store()
        #expect(store.recovery.outputsCut.map(\.byteCount) == [13])
        #expect(try scene.output("a") == "01abc")
        #expect(told.offsets == [13])
        #expect(try store.offset("a") == 13)
    }

    @Test func `a quiet output that somebody cuts is recorded before its next byte`() throws {
        do {
            let store = try store()
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("0123456789")
            try store.commit()
            try truncate("a", to: 2)
            #expect(writer.isStalled)
            try writer.append("not committed")
        }

        #expect(reports.failures.map(\.code) == [.truncated])
        #expect(try scene.store().recovery.outputsCut.map(\.byteCount) == [13])
        #expect(try scene.output("a") == "01")
    }

    @Test func `a failed sync of an output that somebody has cut makes no hole`() throws {
        let fileSystem = FaultyFileSystem()
        let store = try store(fileSystem)
        let writer = try store.open(.bytes("a"), "a")
        try writer.append("0123456789")
        try store.commit()
        try writer.append("x")
        try truncate("a")
        fileSystem.set(.error(.synchronize, pathSuffix: "/a", code: EIO))
        try store.commit()

        #expect(try scene.output("a") == "")
    }

    @Test func `a journal that can't be written keeps the old file until it can`() throws {
        let fileSystem = FaultyFileSystem()
        let store = try store(fileSystem)
        let writer = try store.open(.bytes("a"), "a")
        try writer.append("one")
        try rename("a", to: "a.1")
        store.reopenOutputs()
        fileSystem.set(.error(.append, pathSuffix: "/journal", code: ENOSPC))
        #expect(throws: StoreError.self) { try store.commit() }
        try writer.append("two")
        fileSystem.set(nil)
        try store.commit()
        try writer.append("three")
        try store.commit()

        #expect(try scene.output("a.1") == "onetwo")
        #expect(try scene.output("a") == "three")
    }

    @Test func `a file that can't be opened fails the stream, and a later one goes on`() throws {
        let store = try store()
        let writer = try store.open(.bytes("a"), "a")
        try writer.append("one")
        try rename("a", to: "a.1")
        try FileManager.default.createDirectory(
            atPath: scene.path + "/out/a", withIntermediateDirectories: false)
        store.reopenOutputs()
        try store.commit()
        let error = #expect(throws: StoreError.self) { try writer.append("two") }
        writer.close()
        try remove("a")
        let again = try store.open(.bytes("a"), "a")
        try again.append("two")
        try store.commit()

        #expect(error?.code == .output)
        #expect(again.start.offset == 3)
        #expect(try scene.output("a") == "two")
    }

    @Test(arguments: ["a.1", "a-20260101", "old.a"])
    func `a crash before the old file is committed cuts it under whatever name it has`(name: String) throws {
        do {
            let store = try store()
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("kept")
            try store.commit()
            try writer.append("lost")
            try rename("a", to: name)
            store.reopenOutputs()
        }

        let store = try store()
        #expect(try scene.output(name) == "kept")
        #expect(try store.offset("a") == 4)
    }

    @Test func `an output whose base directory was moved away is still written to, and reopened there`() throws {
        let store = try store()
        let writer = try store.open(.bytes("a"), "a")
        try writer.append("one")
        try FileManager.default.moveItem(atPath: scene.path + "/out", toPath: scene.path + "/moved")
        store.reopenOutputs()
        try store.commit()
        try writer.append("two")
        try store.commit()
        try writer.append("three")
        store.close()

        #expect(FileManager.default.contents(atPath: scene.path + "/moved/a") == Data("onetwothree".utf8))
    }
}
