import Dispatch
import HamsterProtocol
import HamsterTesting
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HamsterClient

@Suite(.timeLimit(.minutes(5))) struct StreamCompressorTests {
    @Test(arguments: [1, 3])
    func `streams that share threads arrive whole and in order, and are shut behind their last byte`(
        threads: Int
    ) async throws {
        try await withPool(threads: threads) { pool in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 1...4 {
                    group.addTask { try await Self.arrivesWhole(logText(bytes: 700_000 * number), through: pool) }
                }
                for try await isWhole in group { #expect(isWhole) }
            }
        }
    }

    private static func arrivesWhole(_ text: [UInt8], through pool: CompressionPool) async throws -> Bool {
        let scene = try await TransferScene(
            String(decoding: text, as: UTF8.self), sizeLimit: UInt64(text.count), isCompressed: true, compression: pool)
        try await scene.open("offset:0 compress:zlib")
        let inflater = try #require(Inflater())
        var found: [UInt8] = []
        while var piece = try await scene.nextBytes(), piece != ByteBuffer(string: "<shut>") {
            while case let part = try inflater.inflate(&piece, bytesMax: 1 << 20, allocator: ByteBufferAllocator()),
                part.readableBytes > 0
            {
                found += part.readableBytesView
            }
        }
        try await scene.closeServerSide()
        return try await scene.outcome() == "ended" && found == text
    }

    @Test func `a connection that is lost while a batch is compressed gets nothing more, and gives its room back`()
        async throws
    {
        try await withPool(threads: 1) { pool in
            let release = pool.occupy()
            defer { release() }
            let scene = try await TransferScene(
                String(repeating: "line\n", count: 200_000), isCompressed: true, compression: pool)
            try await scene.open("offset:0 compress:zlib")
            // All room is taken: two batches are with the thread.
            try await until("two batches") { !pool.hasRoom(for: 1) }
            try await scene.closeServerSide()
            #expect(
                try await scene.outcome() == "failed: the connection was lost: the server closed the connection")
            // Also while the thread is still busy: nothing is left to do.
            try await until("the room") { pool.hasRoom(for: 2) }
            release()
            #expect(try await scene.nextBytes() == nil)
        }
    }

    @Test func `a stream keeps no room while the connection takes nothing`() async throws {
        try await withPool(threads: 1) { pool in
            var rooms = (0..<2).map { _ in pool.room { _ in } }
            let scene = try await TransferScene("text", isCompressed: true, compression: pool)
            try await scene.open("offset:0 compress:zlib")
            try await until("it waits") { pool.isAwaited }
            let channel = scene.channel
            try await channel.testingEventLoop.executeInContext { channel.isWritable = false }
            rooms.removeAll()
            try await until("the room") { () -> Bool in
                await channel.testingEventLoop.run()
                return pool.hasRoom(for: 2)
            }
            #expect(try await scene.isQuiet())
            try await channel.testingEventLoop.executeInContext {
                channel.isWritable = true
                channel.pipeline.fireChannelWritabilityChanged()
            }
            #expect(try await scene.nextBytes() != nil)
        }
    }

    @Test func `a stream keeps no room while its rate makes it wait`() async throws {
        try await withPool(threads: 1) { pool in
            let scene = try await TransferScene(
                "0123456789", isCompressed: true, bytesPerSecond: 1, compression: pool)
            try await scene.open("offset:0 compress:zlib")
            #expect(try await scene.nextBytes() != nil)
            try scene.directory.append("a.log", "more")
            try await scene.fire(TransferCommand.look)
            #expect(try await scene.isQuiet())
            #expect(pool.hasRoom(for: 2))
        }
    }

    @Test func `what is cancelled is not compressed any more`() async throws {
        try await withScene { scene in
            let release = scene.pool.occupy()
            defer { release() }
            try await scene.run { $0.give(20_000) }
            try await scene.run { $0.give(20_000) }
            try await scene.run { $0.compressor.cancel() }
            release()
            try await until("the room") { scene.pool.hasRoom(for: 2) }
            try await scene.run { _ in }
            #expect(scene.handedOn.isEmpty)
        }
    }

    @Test func `a small batch is compressed at once, but not past one that is under way`() async throws {
        try await withScene { scene in
            try await scene.run { #expect($0.give(100)) }
            let release = scene.pool.occupy()
            defer { release() }
            try await scene.run { #expect(!$0.give(20_000)) }
            try await scene.run { #expect(!$0.give(100)) }
            release()
            try await until("both") { () -> Bool in
                try await scene.run { _ in }
                return scene.handedOn == [20_000, 100]
            }
        }
    }

    @Test func `under a rate the next batch waits until it is known what the last one has cost`() async throws {
        try await withScene { scene in
            let release = scene.pool.occupy()
            defer { release() }
            try await scene.run { #expect($0.mayRead(isLimited: true)) }
            try await scene.run { $0.give(20_000) }
            try await scene.run { #expect(!$0.mayRead(isLimited: true)) }
            try await scene.run { #expect($0.mayRead()) }
            release()
        }
    }

    @Test func `streams share a bounded room, in the order of asking`() async throws {
        try await withScene { scene in
            let streams = try await [scene.another(), scene.another(), scene.another()]
            let release = scene.pool.occupy()
            defer { release() }
            try await scene.run { #expect($0.mayRead()) }
            try await scene.run { $0.give(20_000) }
            try await scene.run { #expect($0.mayRead()) }
            for stream in streams { try await stream.run { #expect(!$0.mayRead()) } }
            // Nobody needs it any more: the next in the row gets it, and not the first, which has given up waiting.
            try await streams[0].run { $0.compressor.rest() }
            try await scene.run { $0.compressor.rest() }
            try await until("room for the second") { () -> Bool in
                try await streams[1].run { _ in }
                return streams[1].roomsGot == 1
            }
            #expect(streams[0].roomsGot == 0)
            #expect(streams[2].roomsGot == 0)
            release()
            try await until("room for the third") { () -> Bool in
                try await streams[2].run { _ in }
                return streams[2].roomsGot == 1
            }
        }
    }
}

// MARK: - Scenes

private func until(_ what: String, _ holds: () async throws -> Bool) async throws {
    _ = try await awaited(what, every: .betweenGlances) { try await holds() ? true : nil }
}

private func withPool(threads: Int, _ body: (CompressionPool) async throws -> Void) async throws {
    let pool = CompressionPool(threadsMax: threads)
    pool.start()
    let result: Result<Void, any Error>
    do { result = .success(try await body(pool)) } catch { result = .failure(error) }
    try await pool.shutDown()
    try result.get()
}

private func withScene(_ body: (CompressorScene) async throws -> Void) async throws {
    try await withPool(threads: 1) { pool in try await body(try await CompressorScene(pool)) }
}

extension CompressionPool {
    /// Keeps the only thread busy until the answer is called.
    fileprivate func occupy() -> @Sendable () -> Void {
        let done = DispatchSemaphore(value: 0)
        submit { done.wait() }
        return { done.signal() }
    }

    /// Whether there is room for this many batches.
    fileprivate func hasRoom(for count: Int) -> Bool {
        let rooms = (0..<count).map { _ in room { _ in } }
        return rooms.allSatisfy { $0 != nil }
    }
}

/// The compressor of one stream on an event loop that the test drives.
private final class CompressorScene: Sendable {
    /// On the event loop only.
    final class Stage {
        let compressor: StreamCompressor
        private let notes: Notes

        init(_ compressor: StreamCompressor, _ notes: Notes) {
            self.compressor = compressor
            self.notes = notes
        }

        func mayRead(isLimited: Bool = false) -> Bool {
            compressor.mayRead(isLimited: isLimited) { [notes] in notes.roomsGot.add(1, ordering: .relaxed) }
        }

        /// Whether it was compressed at once.
        @discardableResult func give(_ count: Int) -> Bool {
            let batch = ByteBuffer(repeating: 65, count: count)
            return compressor.compress(batch) { [notes] _ in notes.handedOn.withLock { $0.append(count) } } != nil
        }
    }

    final class Notes: Sendable {
        let roomsGot = Atomic<Int>(0)
        let handedOn = Mutex<[Int]>([])
    }

    let pool: CompressionPool
    private let loop: NIOAsyncTestingEventLoop
    private let notes = Notes()
    private let stage: NIOLoopBound<Stage>

    init(_ pool: CompressionPool, on loop: NIOAsyncTestingEventLoop = NIOAsyncTestingEventLoop()) async throws {
        self.pool = pool
        self.loop = loop
        stage = try await loop.executeInContext { [notes] in
            NIOLoopBound(Stage(try #require(StreamCompressor(pool, on: loop)), notes), eventLoop: loop)
        }
    }

    /// Another stream on the same event loop.
    func another() async throws -> CompressorScene { try await CompressorScene(pool, on: loop) }

    /// The lengths of the batches that were handed on later.
    var handedOn: [Int] { notes.handedOn.withLock { $0 } }

    /// How often there was room after a wait.
    var roomsGot: Int { notes.roomsGot.load(ordering: .relaxed) }

    /// Does what is due, and then `body`.
    func run(_ body: @escaping @Sendable (Stage) -> Void) async throws {
        await loop.run()
        try await loop.executeInContext { [stage] in body(stage.value) }
    }
}
