import Foundation
import HamsterCore
import HamsterFiles
import HamsterStore
import Testing

@Suite(.timeLimit(.minutes(5))) struct StoreTests {
    let scene: StoreScene

    init() throws { scene = try StoreScene() }

    @Test func `a commit tells every writer how far it is durable, and a restart knows it`() throws {
        let (first, second) = (Acknowledgements(), Acknowledgements())
        do {
            let store = try scene.store()
            let a = try store.open(.bytes("web1/a"), "a", first)
            let b = try store.open(.bytes("web1/b"), "b", from: 40, second)
            try a.append("hello ")
            try a.append("world")
            try b.append("xyz")
            #expect(store.needsCommit)
            #expect(store.uncommittedBytes == 14)
            #expect(try store.offset("a") == nil)
            try store.commit()
            #expect(store.uncommittedBytes == 0)
            #expect(a.position == 11)
        }

        let store = try scene.store()
        #expect(first.offsets == [11])
        #expect(second.offsets == [43])
        #expect(
            store.committedPosition(of: try .file("a"))
                == StreamPosition(offset: 11, tail: SourceTail("hello world".utf8)))
        #expect(try store.offset("b") == 43)
        #expect(store.recovery.streamCount == 2)
        #expect(store.recovery.outputsCut.isEmpty)
        #expect(try scene.output("web1/a") == "hello world")
    }

    @Test func `many outputs share one journal sync`() throws {
        let fileSystem = FaultyFileSystem()
        let store = try scene.store(fileSystem)
        let writers = try (0..<20).map { try store.open(.bytes("\($0)"), "\($0)") }
        for writer in writers { try writer.append("x") }
        let before = (fileSystem.count(.synchronize), fileSystem.count(.append))
        try store.commit()

        #expect(fileSystem.count(.synchronize) - before.0 == 21)
        #expect(fileSystem.count(.append) - before.1 == 1)
        try store.commit()
        #expect(fileSystem.count(.append) - before.1 == 1)
    }

    @Test func `openings at once share journal syncs`() async throws {
        let fileSystem = FaultyFileSystem()
        let store = try scene.store(fileSystem)
        try await withThrowingTaskGroup(of: OutputWriter.self) { group in
            for number in 0..<200 { group.addTask { try store.open(.bytes("d/\(number)"), "\(number)") } }
            for try await writer in group { try writer.append("x") }
        }

        #expect(fileSystem.count(.synchronize) <= 200)
        #expect(store.counts.outputsOpen == 200)
        try store.commit()
        #expect(store.counts.outputsOpen == 0)
        #expect(store.counts.streamsKnown == 200)
    }

    @Test func `bytes that were not committed are cut off at the next start, and come again`() throws {
        do {
            let store = try scene.store()
            let writer = try store.open(.bytes("a"), "a")
            try writer.append("kept")
            try store.commit()
            try writer.append("lost")
        }
        #expect(try scene.output("a") == "keptlost")

        let store = try scene.store()
        #expect(store.recovery.outputsCut.map(\.byteCount) == [4])
        #expect(try scene.output("a") == "kept")
        let writer = try store.open(.bytes("a"), "a", from: 99)
        #expect(writer.start == StreamPosition(offset: 4, tail: SourceTail("kept".utf8)))
    }

    @Test func `an existing output is recorded before its first byte`() throws {
        try FileManager.default.createDirectory(atPath: scene.path + "/out", withIntermediateDirectories: true)
        try Data("before".utf8).write(to: URL(fileURLWithPath: scene.path + "/out/a"))
        do {
            let store = try scene.store()
            try store.open(.bytes("a"), "a").append("not committed")
        }

        _ = try scene.store()
        #expect(try scene.output("a") == "before")
    }

    @Test func `a stream is taken over at the committed offset, even if nobody committed before`() throws {
        let (first, second) = (Acknowledgements(), Acknowledgements())
        let store = try scene.store()
        let old = try store.open(.bytes("a"), "a", first)
        try old.append("old")
        #expect(throws: StoreError.self) { try store.open(.bytes("b"), "a") }
        old.close()
        let new = try store.open(.bytes("a"), "a", second)
        try new.append("new")
        try store.commit()

        #expect(new.start.offset == 3)
        #expect(first.offsets == [3])
        #expect(second.offsets == [6])
        #expect(try scene.output("a") == "oldnew")
        #expect(throws: StoreError.self) { try old.append("late") }
    }

    @Test func `a bytes output has one writer, by whatever name`() throws {
        let store = try scene.store()
        let writer = try store.open(.bytes("a"), "a")
        try FileManager.default.createSymbolicLink(atPath: scene.path + "/out/link", withDestinationPath: "a")
        let absolute = OutputTarget(location: .absolute(SourcePath(scene.path + "/out/a")), framing: .bytes)

        for target in [OutputTarget.bytes("a"), .bytes("link"), absolute, .lines("a")] {
            let error = #expect(throws: StoreError.self) { try store.open(target, "b") }
            #expect(error?.code == .busy)
        }
        writer.close()
        for target in [OutputTarget.bytes("a"), .bytes("link"), absolute, .lines("a")] {
            try store.commit()
            try store.open(target, "b").close()
        }
    }

    @Test func `several streams write whole lines to one output`() throws {
        let (first, second) = (Acknowledgements(), Acknowledgements())
        let store = try scene.store()
        let a = try store.open(.lines("all"), "a", endsFile: true, first)
        let b = try store.open(.lines("all"), "b", second)
        try a.append("a1\na")
        try b.append("b1\nb2")
        try store.commit()
        try a.append("2\nrest")
        try a.finish(endsFile: true)
        try b.finish(endsFile: true)
        a.close()
        b.close()
        try store.commit()

        #expect(try scene.output("all") == "a1\nb1\na2\nrest\n")
        #expect(first.offsets == [3, 10])
        #expect(second.offsets == [3])
        #expect(b.position == 5)
        #expect(try store.offset("a") == 10)
    }

    @Test func `a plain stream's last line gets its LF, and its offset is not kept`() throws {
        let acknowledgements = Acknowledgements()
        let store = try scene.store()
        let writer = try store.open(.lines("plain"), nil, acknowledgements)
        try writer.append("no end")
        try writer.finish(endsFile: true)
        writer.close()
        try store.commit()

        #expect(try scene.output("plain") == "no end\n")
        #expect(acknowledgements.offsets == [6])
        #expect(store.counts.streamsKnown == 0)
    }

    @Test func `outputs that nobody writes to are closed after their commit`() throws {
        let acknowledgements = Acknowledgements()
        let store = try scene.store()
        let writer = try store.open(.bytes("a"), "a", acknowledgements)
        try writer.append("x")
        writer.close()
        #expect(store.counts.outputsOpen == 1)
        try store.commit()

        #expect(store.counts.outputsOpen == 0)
        #expect(acknowledgements.offsets == [1])
        try store.open(.bytes("a"), "a").close()
        #expect(!scene.path.isEmpty)
    }

    @Test func `the commit loop commits after the interval, on request, and at its end`() async throws {
        var configuration = scene.configuration
        configuration.commitInterval = .milliseconds(5)
        let store = try Store(configuration, fileSystem: LinuxFileSystem(), now: { 0 })
        let (stream, offsets) = AsyncStream<UInt64>.makeStream()
        var iterator = stream.makeAsyncIterator()
        async let running: Void = store.run()
        let writer = try store.open(
            .bytes("a"), key: nil, startOffset: 0, endsFile: false, onCommit: { offsets.yield($0) })

        try writer.append("by the interval")
        #expect(await iterator.next() == 15)
        try writer.append("x")
        store.requestCommit()
        #expect(await iterator.next() == 16)
        try writer.append("y")
        store.stop()
        try await running
        #expect(await iterator.next() == 17)
    }

    @Test func `the first byte after a quiet time is committed at once, and enough bytes before the interval is over`()
        async throws
    {
        var configuration = scene.configuration
        configuration.commitInterval = .seconds(3600)
        configuration.commitBytes = 10
        let store = try Store(configuration, fileSystem: LinuxFileSystem(), now: { 0 })
        let (stream, offsets) = AsyncStream<UInt64>.makeStream()
        var iterator = stream.makeAsyncIterator()
        let running = Task { try await store.run() }
        let writer = try store.open(
            .bytes("a"), key: nil, startOffset: 0, endsFile: false, onCommit: { offsets.yield($0) })
        try writer.append("1")
        #expect(await iterator.next() == 1)
        try writer.append("23456")
        try writer.append("78901")
        #expect(await iterator.next() == 11)
        running.cancel()
        try await running.value
    }

    @Test func `a closed store refuses bytes, and lets another have the directory`() throws {
        let store = try scene.store()
        let writer = try store.open(.bytes("a"), "a")
        try writer.append("x")
        let locked = #expect(throws: StoreError.self) { try scene.store() }
        store.close()

        #expect(locked?.code == .locked)
        #expect(throws: StoreError.self) { try writer.append("y") }
        #expect(throws: StoreError.self) { try store.open(.bytes("b"), "b") }
        #expect(throws: StoreError.self) { try store.commit() }
        #expect(try scene.store().offset("a") == 1)
    }

    @Test func `a path that leads out of the directory is an output error`() throws {
        let store = try scene.store()
        try FileManager.default.createSymbolicLink(atPath: scene.path + "/out/out", withDestinationPath: "/tmp")

        for name in ["out/x", "../x", "a/./b"] {
            let error = #expect(throws: StoreError.self) { try store.open(.bytes(name), "a") }
            #expect(error?.code == .output)
        }
        #expect(store.counts.outputsOpen == 0)
    }
}
