import Foundation
import HamsterCore
import HamsterFiles
import Testing

@testable import HamsterStore

@Suite(.timeLimit(.minutes(5))) struct StoreRecoveryTests {
    let scene: StoreScene

    init() throws { scene = try StoreScene() }

    /// Commits `text` to an output of the token's name.
    func commit(_ text: String, _ token: String, now: Int64 = 1_000_000_000) throws {
        let store = try scene.store(now: now)
        let writer = try store.open(.bytes(token), token)
        try writer.append(text)
        writer.close()
        try store.commit()
    }

    @Test func `the journal truncated at any byte gives the commits before it, and outputs of their length`() throws {
        let store = try scene.store()
        let writer = try store.open(.bytes("a"), "a")
        var sizes: [(journal: Int, output: Int)] = []
        for text in ["one", "two2", "three"] {
            try writer.append(text)
            try store.commit()
            sizes.append((try scene.journal().count, Int(writer.position)))
        }
        store.close()
        let (journal, output) = (try scene.journal(), try scene.output("a"))

        for size in JournalFormat.headerSize...journal.count {
            try FileManager.default.removeItem(atPath: scene.configuration.journal)
            try scene.setJournal(journal.prefix(size))
            let handle = try #require(FileHandle(forWritingAtPath: scene.path + "/out/a"))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(output.utf8))
            let reopened = try scene.store()
            let expected = sizes.last { $0.journal <= size }?.output
            #expect(try reopened.offset("a").map(Int.init) == expected)
            if let expected { #expect(try scene.output("a") == String(output.prefix(expected))) }
            // What is written next must be read next time, in spite of the torn end.
            let again = try reopened.open(.bytes("b"), "b")
            try again.append("b")
            reopened.close()
            #expect(try scene.store().offset("b") == 1)
            try FileManager.default.removeItem(atPath: scene.path + "/out/b")
        }
    }

    @Test func `a damaged frame in the middle is refused, with file and byte`() throws {
        try commit("one", "a")
        try commit("two", "b")
        var journal = try scene.journal()
        journal[JournalFormat.headerSize + 20] ^= 1
        try scene.setJournal(journal)

        let error = #expect(throws: StoreError.self) { try scene.store() }
        #expect(error?.code == .damagedJournal)
        #expect(error?.number == UInt64(JournalFormat.headerSize))
        #expect(error?.path.description == scene.configuration.journal)
        #expect(try scene.journal() == journal)
    }

    @Test func `a journal cut within its header is refused, and left as it is`() throws {
        try commit("one", "a")
        let journal = try scene.journal()
        for size in 1..<JournalFormat.headerSize {
            try scene.setJournal(journal.prefix(size))
            let error = #expect(throws: StoreError.self) { try scene.store() }
            #expect(error?.code == .damagedJournal)
            #expect(error?.number == 0)
            #expect(try scene.journal().count == size)
        }
    }

    @Test func `a directory in the journal's place is refused, and named`() throws {
        try FileManager.default.createDirectory(
            atPath: scene.configuration.journal, withIntermediateDirectories: true)

        let error = #expect(throws: StoreError.self) { try scene.store() }
        #expect(error?.code == .journal)
        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(scene.configuration.journal))
    }

    @Test func `another version is refused`() throws {
        try commit("one", "a")
        var journal = try scene.journal()
        journal[7] = 9
        try scene.setJournal(journal)

        let error = #expect(throws: StoreError.self) { try scene.store() }
        #expect(error?.code == .unknownJournalVersion)
        #expect(error?.number == 9)
    }

    @Test func `an empty journal is refused, and left as it is`() throws {
        try commit("one", "a")
        try scene.setJournal(Data())

        let error = #expect(throws: StoreError.self) { try scene.store() }
        #expect(error?.code == .damagedJournal)
        #expect(error?.description.hasPrefix("\(scene.configuration.journal): is empty, ") == true)
        #expect(try scene.journal().isEmpty)
        #expect(try scene.output("a") == "one")
    }

    @Test func `a missing journal is a fresh start`() throws {
        try commit("one", "a")
        try FileManager.default.removeItem(atPath: scene.configuration.journal)

        let store = try scene.store()
        #expect(store.recovery.isFresh)
        #expect(try store.offset("a") == nil)
        #expect(try scene.output("a") == "one")
    }

    @Test func `a removed or replaced output keeps its streams' offsets and its new content`() throws {
        try commit("one", "a")
        try commit("two", "b")
        try FileManager.default.removeItem(atPath: scene.path + "/out/a")
        try FileManager.default.moveItem(atPath: scene.path + "/out/b", toPath: scene.path + "/out/elsewhere")
        try Data("something else".utf8).write(to: URL(fileURLWithPath: scene.path + "/out/b"))

        let store = try scene.store()
        #expect(
            Set(store.recovery.outputsReplaced.map(\.description)) == ["\(scene.path)/out/a", "\(scene.path)/out/b"])
        #expect(try store.offset("a") == 3)
        #expect(try store.offset("b") == 3)
        try store.open(.bytes("a"), "a").append("+")
        try store.open(.bytes("b"), "b").append("+")
        try store.commit()
        #expect(try scene.output("a") == "+")
        #expect(try scene.output("b") == "something else+")
        #expect(try store.offset("a") == 4)
    }

    @Test func `an output that a rotation renamed is cut back under its new name`() throws {
        do {
            let store = try scene.store()
            let writer = try store.open(.bytes("a.log"), "a")
            try writer.append("kept")
            try store.commit()
            try writer.append("lost")
        }
        try FileManager.default.moveItem(atPath: scene.path + "/out/a.log", toPath: scene.path + "/out/a.log.1")

        let store = try scene.store()
        #expect(try scene.output("a.log.1") == "kept")
        #expect(store.recovery.outputsCut.map(\.byteCount) == [4])
    }

    @Test func `an output whose file was another one's before is not cut to what that had`() throws {
        try commit("first ", "a")
        try FileManager.default.moveItem(atPath: scene.path + "/out/a", toPath: scene.path + "/out/b")
        try commit("and second", "b")

        let store = try scene.store()

        #expect(try scene.output("b") == "first and second")
        #expect(store.recovery.outputsCut.isEmpty)
    }

    @Test func `a shorter output goes on from where it ends, and is told`() throws {
        try commit("0123456789", "a")
        try #require(FileHandle(forWritingAtPath: scene.path + "/out/a")).truncate(atOffset: 6)
        do {
            let store = try scene.store()
            #expect(store.recovery.outputsShorter.map(\.byteCount) == [4])
            let writer = try store.open(.bytes("a"), "a")
            #expect(writer.start.offset == 10)
            try writer.append("lost at the crash")
        }

        #expect(try scene.store().recovery.outputsCut.count == 1)
        #expect(try scene.output("a") == "012345")
    }

    @Test func `a large journal is compacted, forgets old streams and keeps those that are open`() throws {
        try commit("old", "old", now: 0)
        try commit("kept", "kept", now: 0)
        let late: Int64 = 91 * 86_400
        do {
            let store = try scene.store(FaultyFileSystem(syncs: false), now: late)
            let idle = try store.open(.bytes("kept"), "kept")
            let writers = try (0..<50).map { try store.open(.bytes("busy\($0)"), "busy\($0)") }
            for _ in 0..<300 {
                for writer in writers { try writer.append(String(repeating: "x", count: 64)) }
                try store.commit()
                store.compact()
            }
            #expect(try scene.journal().count < scene.configuration.compactionSizeMin)
            #expect(idle.position == 4)
        }

        let store = try scene.store(now: late)
        #expect(try store.offset("old") == nil)
        #expect(try store.offset("kept") == 4)
        #expect(try store.offset("busy7") == 19_200)
        #expect(store.recovery.outputsCut.isEmpty)
    }

    @Test func `streams that were sent once are forgotten, although nothing outdates their records`() throws {
        do {
            let store = try scene.store(FaultyFileSystem(syncs: false), now: 0)
            for number in 0..<9_000 {
                let writer = try store.open(.lines("merged"), "once\(number)" + String(repeating: "-", count: 100))
                try writer.append(String(repeating: "x", count: 63) + "\n")
                writer.close()
            }
            try store.commit()
        }
        let size = try scene.journal().count
        #expect(size > scene.configuration.compactionSizeMin)

        do {
            let store = try scene.store(now: 91 * 86_400)
            let writer = try store.open(.bytes("new"), "new")
            try writer.append("new")
            try store.commit()
            store.compact()
        }

        #expect(try scene.journal().count < size / 100)
        #expect(try scene.store(now: 91 * 86_400).counts.streamsKnown == 1)
    }
}
