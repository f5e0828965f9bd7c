import Dispatch
import HamsterCore
import HamsterStore
import Synchronization
import Testing

/// What a watchdog asks of the commits.
@Suite(.timeLimit(.minutes(5))) struct CommitterTests {
    private final class Flag: Sendable {
        private let state = Atomic<Bool>(false)
        var isUp: Bool { state.load(ordering: .acquiring) }
        func raise() { state.store(true, ordering: .releasing) }
    }

    @Test func `the commits answer while there are none, and not while a disk keeps one waiting`() async throws {
        let scene = try StoreScene()
        let fileSystem = FaultyFileSystem()
        let store = try scene.store(fileSystem)
        let running = Task { try await store.run() }
        await store.committer.turn()

        let (disk, entered) = (DispatchSemaphore(value: 0), AsyncStream<Void>.makeStream())
        fileSystem.setOnStep { step, path in
            guard step == .synchronize, path.description.hasSuffix("/out/a") else { return false }
            entered.continuation.yield()
            disk.wait()
            return true
        }
        let (committed, commit) = AsyncStream<UInt64>.makeStream()
        let writer = try store.open(
            .bytes("a"), key: nil, startOffset: 0, endsFile: false, onCommit: { commit.yield($0) })
        try writer.append("x")
        for await _ in entered.stream { break }
        let hasAnswered = Flag()
        store.committer.ask { hasAnswered.raise() }
        #expect(!hasAnswered.isUp)
        disk.signal()
        for await _ in committed { break }
        await store.committer.turn()
        #expect(hasAnswered.isUp)

        running.cancel()
        try await running.value
    }
}
