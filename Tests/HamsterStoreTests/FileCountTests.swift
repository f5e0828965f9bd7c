import Glibc
import HamsterFiles
import Synchronization
import Testing

@testable import HamsterStore

/// A host is charged for the files that it has brought until they are forgotten.
@Suite struct FileCountTests {
    let scene: StoreScene

    init() throws { scene = try StoreScene() }

    private func store(
        _ fileSystem: any FileSystem = LinuxFileSystem(), now: @escaping @Sendable () -> Int64 = { 1_000_000_000 }
    ) throws -> Store {
        try Store(scene.configuration, fileSystem: fileSystem, now: now)
    }

    @Test func `an output counts to the host that has made it, with or without bytes`() throws {
        let store = try store()

        try store.openPlain("a", maker: "web1").close()
        let b = try store.openPlain("b", maker: "WEB1")
        try b.append("x\n")
        try store.openPlain("b", maker: "web2").close()
        b.close()
        try store.commit()

        #expect(store.fileCount(of: "Web1") == 2)
        #expect(store.fileCount(of: "web2") == 0)
    }

    @Test func `it counts until it is forgotten`() throws {
        let now = Atomic<Int64>(0)
        let store = try store { now.load(ordering: .relaxed) }
        try store.openPlain("a", maker: "web1").close()
        try store.openPlain("b", maker: "web1").close()
        try store.commit()
        now.store(91 * 86_400, ordering: .relaxed)
        let open = try store.openPlain("b", maker: "web1")
        try store.openPlain("c", maker: "web2").close()

        store.compact()

        #expect(store.fileCount(of: "web1") == 1)
        #expect(store.fileCount(of: "web2") == 1)
        open.close()
    }

    @Test func `a compaction that fails forgets nothing`() throws {
        let now = Atomic<Int64>(0)
        let fileSystem = FaultyFileSystem()
        let store = try store(fileSystem) { now.load(ordering: .relaxed) }
        for name in ["a", "b"] { try store.openPlain(name, maker: "web1").close() }
        now.store(91 * 86_400, ordering: .relaxed)

        fileSystem.set(.error(.rename, pathSuffix: "/journal.compact", code: EIO))
        store.compact()

        #expect(store.fileCount(of: "web1") == 2)
    }

    @Test func `an output that many open at once counts once`() async throws {
        let store = try store()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try store.openPlain("all", maker: "web1").close() } }
            try await group.waitForAll()
        }

        #expect(store.fileCount(of: "web1") == 1)
    }
}

extension Store {
    fileprivate func fileCount(of host: String) -> Int { journal.read { $0.fileCount(of: host) } }

    fileprivate func openPlain(_ name: String, maker: String) throws -> OutputWriter {
        try open(.lines(name), key: nil, maker: maker, startOffset: 0, endsFile: false, onCommit: { _ in })
    }
}
