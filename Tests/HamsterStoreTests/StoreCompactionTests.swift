import Foundation
import Glibc
import HamsterCore
import HamsterFiles
import Synchronization
import Testing

@testable import HamsterStore

/// The journal is written anew beside the commits: whatever happens meanwhile, one of the two files holds all.
@Suite(.timeLimit(.minutes(5))) struct StoreCompactionTests {
    let scene: StoreScene

    init() throws { scene = try StoreScene() }

    /// Every compaction that is asked for is due once.
    static func store(
        _ scene: StoreScene, _ fileSystem: any FileSystem, now: Int64 = 1_000_000_000,
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) -> Store {
        var configuration = scene.configuration
        configuration.compactionSizeMin = 1
        return try Store(configuration, fileSystem: fileSystem, now: { now }, onFailure: onFailure)
    }

    /// Calls `body` once, when the compaction is about to write its file.
    static func whileWriting(_ fileSystem: FaultyFileSystem, _ body: @escaping @Sendable () -> Void) {
        fileSystem.setOnStep { step, path in
            guard step == .append, path.description.hasSuffix("/journal.compact") else { return false }
            body()
            return true
        }
    }

    @Test func `commits go on while the compaction writes, and a restart knows them`() throws {
        let fileSystem = FaultyFileSystem()
        let told = Acknowledgements()
        do {
            let store = try Self.store(scene, fileSystem)
            let a = try store.open(.bytes("a"), "a", told)
            for _ in 0..<10 {
                try a.append("x")
                try store.commit()
            }
            let before = try scene.journal().count
            Self.whileWriting(fileSystem) {
                #expect(throws: Never.self) {
                    try a.append("meanwhile")
                    try store.open(.bytes("b"), "b").append("new")
                    try store.commit()
                }
                #expect(told.offsets.last == 19)
            }
            store.compact()
            #expect(try scene.journal().count < before)
            try a.append("after")
            try store.commit()
        }

        let store = try scene.store()
        #expect(try store.offset("a") == 24)
        #expect(try store.offset("b") == 3)
        #expect(store.recovery.outputsCut.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: scene.configuration.journal + ".compact"))
    }

    @Test func `what is opened while the compaction forgets it is kept`() throws {
        try Self.store(scene, LinuxFileSystem(), now: 0).commit(text: "old", to: "old", "gone")
        let fileSystem = FaultyFileSystem()
        do {
            let store = try Self.store(scene, fileSystem, now: 91 * 86_400)
            let kept = Mutex<OutputWriter?>(nil)
            Self.whileWriting(fileSystem) {
                #expect(throws: Never.self) {
                    let writer = try store.open(.bytes("old"), "old")
                    #expect(writer.start.offset == 3)
                    kept.withLock { $0 = writer }
                }
            }
            store.compact()
            #expect(try store.offset("gone") == nil)
            try kept.withLock { try $0?.append("not committed") }
        }

        // Its output is known, too: else nobody would cut it.
        let store = try scene.store()
        #expect(try store.offset("old") == 3)
        #expect(try scene.output("old") == "old")
    }

    @Test(arguments: [
        (FaultyFileSystem.Step.append, "/journal.compact"), (.synchronize, "/journal.compact"),
        (.rename, "/journal.compact"), (.directory, "/state"),
    ])
    func `a compaction that fails leaves the journal in use`(step: FaultyFileSystem.Step, suffix: String) throws {
        let fileSystem = FaultyFileSystem()
        let reports = Acknowledgements()
        do {
            let store = try Self.store(scene, fileSystem) { reports.fail($0) }
            try store.commit(text: "old", to: "a")
            fileSystem.set(.error(step, pathSuffix: suffix, code: ENOSPC))
            store.compact()
            fileSystem.set(nil)
            try store.commit(text: "new", to: "a", "b")
        }

        #expect(reports.failures.map(\.code) == [.journal])
        let store = try scene.store()
        #expect(try store.offset("a") == 6)
        #expect(try store.offset("b") == 3)
    }

    @Test func `a journal that had to be written anew meanwhile is not replaced`() throws {
        let fileSystem = FaultyFileSystem()
        do {
            let store = try Self.store(scene, fileSystem)
            try store.commit(text: "old", to: "a")
            Self.whileWriting(fileSystem) {
                fileSystem.set(.error(.synchronize, pathSuffix: "/journal", code: EIO))
                #expect(throws: StoreError.self) { try store.commit(text: "1", to: "a") }
                fileSystem.set(nil)
                #expect(throws: Never.self) { try store.commit(text: "2", to: "b") }
            }
            store.compact()
            try store.commit(text: "3", to: "c")
        }

        let store = try scene.store()
        #expect(try ["a", "b", "c"].map { try store.offset($0) } == [4, 1, 1])
    }

    /// One life of a store with a compaction in it; false: it got to its end before the step.
    static func run(crashAt step: Int, isDone: Bool, cutsPower: Bool) throws -> Bool {
        let scene = try StoreScene()
        let told = Acknowledgements()
        let fileSystem = FaultyFileSystem(.crash(atStep: step, isDone: isDone))
        let failures = Acknowledgements()
        do {
            let store = try Self.store(scene, fileSystem) { failures.fail($0) }
            let writer = try store.open(.bytes("a"), "a", told)
            try writer.append("before ")
            try store.commit()
            whileWriting(fileSystem) {
                // The crash may come here: then nothing was acknowledged.
                try? writer.append("meanwhile ")
                try? store.commit()
            }
            store.compact()
            try writer.append("after")
            try store.commit()
        } catch is StoreError {
            // The crash.
        }
        fileSystem.setOnStep(nil)
        if cutsPower { try fileSystem.cutPower() }
        let store = try scene.store()
        let offset = Int(try store.offset("a") ?? 0)
        #expect(offset >= Int(told.offsets.last ?? 0), "an acknowledged byte is unknown after step \(step)")
        let output = (try? scene.output("a")) ?? ""
        #expect(output == "before meanwhile after".prefix(offset), "after step \(step)")
        return fileSystem.stepCount >= step
    }

    @Test(arguments: [false, true], [false, true])
    func `whatever step of a compaction a crash stops at, what is acknowledged is known`(
        isDone: Bool, cutsPower: Bool
    ) throws {
        var step = 1
        while try Self.run(crashAt: step, isDone: isDone, cutsPower: cutsPower) { step += 1 }

        #expect(step > 20)
    }

    @Test func `the committer's loop compacts without being asked`() async throws {
        var configuration = scene.configuration
        configuration.compactionSizeMin = 2_000
        configuration.commitInterval = .milliseconds(1)
        let store = try Store(configuration, fileSystem: LinuxFileSystem(), now: { 1_000_000_000 })
        let (stream, offsets) = AsyncStream<UInt64>.makeStream()
        var iterator = stream.makeAsyncIterator()
        async let running: Void = store.run()
        let writer = try store.open(
            .bytes("a"), key: .file("a"), startOffset: 0, endsFile: false, onCommit: { offsets.yield($0) })
        for count in 1...100 {
            try writer.append("x")
            #expect(await iterator.next() == UInt64(count))
        }
        store.stop()
        try await running
        store.close()

        // A hundred commits take more than twice as much.
        #expect(try scene.journal().count < 5_000)
        #expect(try scene.store().offset("a") == 100)
    }
}

extension Store {
    /// Opens outputs of these names, each for a stream of its name, and commits the same text to all.
    fileprivate func commit(text: String, to names: String...) throws {
        let writers = try names.map { try open(.bytes($0), $0) }
        for writer in writers { try writer.append(text) }
        for writer in writers { writer.close() }
        try commit()
    }
}
