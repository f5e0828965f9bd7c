internal import DequeModule
internal import NIOPosix
internal import Synchronization

/// The threads that compress, and the bound of what is on its way through them: for all streams of the client together, so
/// that neither grows with the number of streams. Whoever waits is served in the order of asking.
final class CompressionPool: Sendable {
    /// Batches for each thread: one is compressed while the next is read, or the last one encrypted.
    private static let batchesPerThread = 2

    /// Room for one batch, from before it is read until it is with the connection. The last reference gives it back.
    final class Room: Sendable {
        private let pool: CompressionPool

        fileprivate init(_ pool: CompressionPool) { self.pool = pool }

        deinit { pool.giveBack() }
    }

    private struct State {
        var free: Int
        var waiting = Deque<@Sendable (Room) -> Void>()
        var hasEnded = false
    }

    private let threads: NIOThreadPool
    private let state: Mutex<State>

    /// Of as many threads, which exist once something is to be compressed. ``shutDown()`` has to be called.
    convenience init(threadsMax: Int) { self.init(NIOThreadPool(numberOfThreads: threadsMax)) }

    init(_ threads: NIOThreadPool) {
        self.threads = threads
        state = Mutex(State(free: Self.batchesPerThread * threads.numberOfThreads))
    }

    /// Starts the threads, unless they run or have ended.
    func start() {
        state.withLock { state in
            // The pool allows no start beside its end.
            if !state.hasEnded { threads.start() }
        }
    }

    /// Room at once; or nil, and `later` gets it on any thread.
    func room(later: @escaping @Sendable (Room) -> Void) -> Room? {
        let isFree = state.withLock { state in
            guard state.free > 0 else {
                state.waiting.append(later)
                return false
            }
            state.free -= 1
            return true
        }
        return isFree ? Room(self) : nil
    }

    /// Whether somebody waits for room.
    var isAwaited: Bool { state.withLock { !$0.waiting.isEmpty } }

    private func giveBack() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?(Room(self))
    }

    /// Runs `work` on one of the threads, and not at all once they have ended.
    func submit(_ work: @escaping @Sendable () -> Void) {
        threads.submit { state in
            if state == .active { work() }
        }
    }

    /// Waits for what runs, and drops what waits.
    func shutDown() async throws {
        state.withLock { $0.hasEnded = true }
        try await threads.shutdownGracefully()
    }
}
