import HamsterCore
import HamsterFiles
import HamsterStore
import Testing

/// Outputs that leave some space on their file system.
struct SpaceFloorTests {
    let scene: StoreScene
    let fileSystem = FaultyFileSystem()

    init() throws { scene = try StoreScene() }

    private func store(interval: Duration = .zero) throws(StoreError) -> Store {
        var configuration = scene.configuration
        configuration.freeSpaceMin = 1_000
        configuration.freeSpaceInterval = interval
        let scene = scene
        return try Store(configuration, fileSystem: fileSystem, now: { 0 }, onEvent: { scene.note($0) })
    }

    @Test func `below the floor an output fails as on a full disk, and works again by itself`() throws {
        let (told, lines) = (Acknowledgements(), Acknowledgements())
        fileSystem.setFreeSpace(1_000)
        let store = try store()
        let writer = try store.open(.lines("a"), "a", told)
        let other = try store.open(.lines("a"), "b", lines)
        try writer.append("one\n")
        fileSystem.setFreeSpace(999)
        let failure = #expect(throws: StoreError.self) { try writer.append("two\n") }
        let refusal = #expect(throws: StoreError.self) { _ = try store.open(.bytes("c"), "c") }
        try store.commit()
        for writer in [writer, other] { writer.close() }
        fileSystem.setFreeSpace(1_000)
        let again = try store.open(.lines("a"), "a")
        try again.append("two\n")
        try store.commit()

        #expect(failure?.cause?.isFull == true)
        #expect(refusal?.code == .output)
        #expect(told.offsets == [4])
        #expect(lines.failures.map(\.code) == [.output])
        #expect(again.start.offset == 4)
        #expect(try scene.output("a") == "one\ntwo\n")
        #expect(
            scene.events == [
                .spaceIsLow(scene.path(of: "a"), free: 999, floor: 1_000),
                .spaceIsBack(scene.path(of: "a"), free: 1_000),
            ])
    }

    @Test func `the file system is asked now and then, not for every write`() throws {
        let store = try store(interval: .seconds(3_600))
        let writer = try store.open(.bytes("a"), "a")
        fileSystem.setFreeSpace(0)
        for _ in 0..<10 { try writer.append("still fits") }
        let other = try store.open(.bytes("b"), "b")
        try other.append("the same file system")
        store.close()

        #expect(scene.events == [])
    }
}
