import Foundation
import HamsterCore
import HamsterFiles
import HamsterStore
import HamsterTesting
import Synchronization
import Testing

/// Outputs that the store puts aside itself.
@Suite(.timeLimit(.minutes(5))) struct StoreRotationTests {
    let scene: StoreScene
    let reports = Acknowledgements()

    init() throws { scene = try StoreScene() }

    private func store(
        _ fileSystem: any FileSystem = LinuxFileSystem(), now: @escaping @Sendable () -> Int64 = { 1_000_000_000 }
    ) throws(StoreError) -> Store {
        let (scene, reports) = (scene, reports)
        return try Store(
            scene.configuration, fileSystem: fileSystem, now: now, onFailure: { reports.fail($0) },
            onEvent: { scene.note($0) })
    }

    @Test(arguments: [OutputTarget.bytes("a"), .lines("a")])
    func `an output that has its size is put aside, and no stream notices`(_ target: OutputTarget) throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(target.rotated(size: 8), "a", told)
        try writer.append("one\ntwo\n")
        try store.commit()
        store.rotateDueOutputs()
        try store.commit()
        try writer.append("three\n")
        try store.commit()

        #expect(try scene.output("a.1") == "one\ntwo\n")
        #expect(try scene.output("a") == "three\n")
        #expect(told.offsets == [8, 14])
        #expect(told.failures == [])
        #expect(reports.failures == [])
        #expect(scene.events == [.rotated(scene.path(of: "a"), to: scene.path(of: "a.1"), byteCount: 8)])
    }

    @Test func `bytes that come while the file is put aside go to the new one, and are acknowledged there`() throws {
        let told = Acknowledgements()
        let store = try store()
        let writer = try store.open(.bytes("a").rotated(size: 3), "a", told)
        try writer.append("one")
        try store.commit()
        store.rotateDueOutputs()
        #expect(writer.isStalled)
        try writer.append("two")
        try store.commit()
        try writer.append("three")
        store.close()

        #expect(try scene.output("a.1") == "onetwo")
        #expect(try scene.output("a") == "three")
        #expect(told.offsets == [3, 6, 11])
        #expect(try scene.store().recovery.outputsReplaced == [])
    }

    @Test func `files get a number each, too many are removed, the others compressed`() throws {
        let store = try store()
        let writer = try store.open(.bytes("a").rotated(size: 1, keep: 3, isCompressing: true), "a")
        for round in 1...6 {
            try writer.append("round \(round)")
            try store.rotate()
            if round != 4 { store.tidyRotatedFiles() }
        }

        #expect(try scene.names() == ["a.1.gz", "a.2.gz", "a.3.gz"])
        #expect(try scene.rotated("a") == "round 4round 5round 6")
        #expect(scene.events.contains(.removed(scene.path(of: "a.4.gz"))))
        #expect(reports.failures == [])
    }

    @Test func `with dates no file is renamed again, and their order holds when the clock is set back`() throws {
        let time = Mutex<Int64>(1_706_745_599)
        let store = try store(now: { time.withLock { $0 } })
        let writer = try store.open(.bytes("a").rotated(size: 1, keep: 3, names: .dated), "a")
        for round in 1...5 {
            try writer.append("\(round)")
            try store.rotate()
            time.withLock { $0 += round == 3 ? -100 : 1 }
        }
        store.tidyRotatedFiles()

        #expect(
            try scene.names() == ["a-20240201T000001Z", "a-20240201T000001Z-2", "a-20240201T000001Z-3"])
        #expect(try scene.rotated("a") == "345")
    }

    @Test func `a period ends at its multiple in UTC, also for a file of an earlier process`() throws {
        let time = Mutex<Int64>(86_400 * 10_000)
        let policy = RotationPolicy(every: 86_400)
        var target = OutputTarget.bytes("a")
        target.rotation = policy
        do {
            let store = try store(now: { time.withLock { $0 } })
            let writer = try store.open(target, "a")
            try writer.append("one")
            try store.rotate()
            time.withLock { $0 += 86_399 }
            try writer.append("two")
            try store.rotate()
            #expect(try scene.names() == ["a"])
            time.withLock { $0 += 1 }
            try store.rotate()
            try writer.append("three")
            store.close()
        }
        // Real files are born today.
        time.withLock { $0 = Int64(Date().timeIntervalSince1970) + 86_400 }
        let store = try store(now: { time.withLock { $0 } })
        let writer = try store.open(target, "b")
        try writer.append("four")
        store.close()

        #expect(try scene.output("a") == "four")

        #expect(try scene.output("a.2") == "onetwo")
        #expect(try scene.output("a.1") == "three")
    }

    @Test func `a rotation that fails keeps writing, says so once, and is tried again`() throws {
        let time = Mutex<Int64>(1_000)
        let fileSystem = FaultyFileSystem(.error(.rename, pathSuffix: "/a", code: EACCES))
        let told = Acknowledgements()
        let store = try store(fileSystem, now: { time.withLock { $0 } })
        let writer = try store.open(.bytes("a").rotated(size: 3), "a", told)
        for _ in 0..<3 {
            try writer.append("one")
            try store.rotate()
            try store.rotate()
            time.withLock { $0 += 60 }
        }
        #expect(reports.failures.map(\.code) == [.rotation])
        #expect(told.offsets == [3, 6, 9])
        fileSystem.set(nil)
        try store.rotate()
        try writer.append("two")
        try store.commit()

        #expect(told.failures == [])
        #expect(try scene.output("a.1") == "oneoneone")
        #expect(try scene.output("a") == "two")
    }

    @Test func `a new name that is not on disk is taken back`() throws {
        let fileSystem = FaultyFileSystem()
        let store = try store(fileSystem)
        let writer = try store.open(.bytes("a").rotated(size: 3), "a")
        try writer.append("one")
        try store.commit()
        store.rotateDueOutputs()
        fileSystem.set(.error(.directory, pathSuffix: "/out", code: EIO))
        try store.commit()
        try writer.append("two")
        try store.commit()

        #expect(reports.failures.map(\.code) == [.rotation])
        #expect(try scene.output("a") == "onetwo")
        #expect(try scene.names() == ["a"])
    }

    @Test func `another output's name is left alone`() throws {
        let store = try store()
        let other = try store.open(.bytes("a.1"), "other")
        try other.append("other")
        let writer = try store.open(.bytes("a").rotated(size: 3), "a")
        try writer.append("one")
        try store.rotate()

        #expect(reports.failures.map(\.code) == [.nameTaken])
        #expect(try scene.output("a.1") == "other")
        #expect(try scene.output("a") == "one")
    }

    @Test func `a link is no output to put aside`() throws {
        let store = try store()
        try scene.append("", toOutput: "real", isNew: true)
        try FileManager.default.createSymbolicLink(
            atPath: scene.path + "/out/a", withDestinationPath: "real")
        let writer = try store.open(.bytes("a").rotated(size: 3), "a")
        try writer.append("one")
        try store.rotate()

        #expect(reports.failures.map(\.code) == [.rotation])
        #expect(try scene.output("real") == "one")
    }

    @Test func `a policy that changes disturbs no stream`() throws {
        let told = Acknowledgements()
        let store = try store()
        let target = OutputTarget.bytes("a").rotated(size: 3)
        let writer = try store.open(target, "a", told)
        store.setRotation(RotationPolicy(size: 6, isCompressing: true), of: target.location)
        try writer.append("one")
        try store.rotate()
        #expect(try scene.names() == ["a"])
        try writer.append("two")
        try store.rotate()
        store.tidyRotatedFiles()

        #expect(try scene.names() == ["a.1.gz"])
        #expect(told.offsets == [3, 6])
        #expect(told.failures == [])
    }

    @Test func `mode and owner of a compressed file are those of the output`() throws {
        let store = try store()
        var target = OutputTarget.bytes("a").rotated(size: 1, isCompressing: true)
        target.mode = 0o604
        let writer = try store.open(target, "a")
        try writer.append("one")
        try store.rotate()
        store.tidyRotatedFiles()

        let status = try #require(try LinuxFileSystem().status(of: scene.path(of: "a.1.gz")))
        #expect(status.mode == 0o604)
        #expect(status.owner == getuid())
    }

    @Test func `the threads of the store do all of it`() async throws {
        let store = try store()
        async let running: Void = store.run()
        let writer = try store.open(.bytes("a").rotated(size: 5, keep: 2, isCompressing: true), "a")
        for round in 1...3 {
            try writer.append("round \(round)")
            try await eventually("rotation \(round)") {
                scene.events.count { if case .compressed = $0 { true } else { false } } == round
            }
        }
        store.stop()
        try await running

        #expect(try scene.names() == ["a.1.gz", "a.2.gz"])
        #expect(try scene.rotated("a") == "round 2round 3")
    }
}
