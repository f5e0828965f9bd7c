import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterRateLimit
import HamsterRouting
import HamsterStore
import HamsterTLS
import HamsterTesting
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization

@testable import HamsterServer

/// A server without sockets: a store in a directory of its own, and connections whose event loops the test drives.
/// Nothing is committed but by ``Store/commit()`` or ``committing(_:)``.
final class ServerScene: Sendable {
    let directory: ScratchDirectory
    let store: Store
    let registry = StreamRegistry(streamsPerHostMax: 2)
    let statistics = ServerStatistics()
    let policy: LivePolicy
    let limiter: RateLimiter
    let clock: ManualClock
    let connections: ConnectionRegistry

    init(
        outputs: [OutputRule] = [], hasFallback: Bool = true,
        hostBinding: HostBinding = HostBinding(isRequired: false), rates: RateLimits = RateLimits(),
        filesPerHostMax: Int = 250_000
    ) throws {
        directory = try ScratchDirectory()
        var configuration = StoreConfiguration(stateDirectory: directory("state"), directory: directory("out"))
        configuration.compactionSizeMin = 1
        var server = ServerConfiguration(listeners: [], tls: nil, hostBinding: hostBinding, store: configuration)
        server.outputs = outputs
        server.hasFallback = hasFallback
        server.limits.filesPerHostMax = filesPerHostMax
        let clock = ManualClock()
        self.clock = clock
        connections = ConnectionRegistry(server.limits, statistics, now: clock.scheduling.now)
        limiter = RateLimiter(rates, clock.scheduling)
        policy = LivePolicy(try ServerPolicy(server))
        store = try Store(
            configuration,
            fileSystem: LinuxFileSystem(), now: { clock.unixTime })
    }

    private var admission: StreamAdmission {
        StreamAdmission(
            policy: policy, store: store,
            registry: registry, threadPool: .singleton, logger: Self.logger, clock: { [clock] in clock.unixTime },
            takeoverTimeout: .seconds(20), statistics: statistics)
    }

    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A new connection, as the acceptor makes it.
    func connect(
        _ streamID: String = "000000000001", awaitsTLS: Bool = false, refusal: Reply? = nil,
        idleTimeout: TimeAmount? = nil
    ) async throws -> TestConnection {
        let channel = NIOAsyncTestingChannel()
        let environment = StreamHandler.Environment(
            store: store, registry: registry, connections: connections, threadPool: .singleton, limiter: limiter,
            statistics: statistics,
            refusals: RefusalLogs(logger: Self.logger),
            idleTimeout: idleTimeout, logger: Self.logger)
        let admission = admission
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(SocketDouble())
            try channel.pipeline.syncOperations.addHandler(
                OpeningHandler(
                    admission: admission, handle: StreamHandle(streamID: streamID, channel: channel),
                    awaitsTLS: awaitsTLS, refusal: refusal, timeout: .seconds(10), environment: environment))
        }
        try await channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1))
        return TestConnection(channel)
    }

    /// A connection whose welcome is read and whose `INIT` is answered.
    func open(_ request: String, streamID: String = "000000000001") async throws -> (TestConnection, reply: String?) {
        let connection = try await connect(streamID)
        _ = try await connection.line()
        _ = try await connection.line()
        try await connection.send("INIT STREAM \(request)\n")
        return (connection, try await connection.line())
    }

    /// Runs the committer while `body` runs.
    func committing<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let committer = Task { try await store.run() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        committer.cancel()
        try await committer.value
        return try result.get()
    }

    func output(_ name: String) -> String? {
        directory.contents("out/" + name).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// The client's end of a connection.
final class TestConnection: Sendable {
    let channel: NIOAsyncTestingChannel
    private let received = Mutex("")

    init(_ channel: NIOAsyncTestingChannel) { self.channel = channel }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeInbound(ByteBuffer(bytes: bytes)) }

    /// Shuts the client's sending side.
    func shut() async throws { try await fire(ChannelEvent.inputClosed) }

    func fire(_ event: any Sendable) async throws {
        try await channel.testingEventLoop.executeInContext { [channel] in
            channel.pipeline.fireUserInboundEventTriggered(event)
        }
    }

    /// The next line without its LF; `<shut>` where the server shuts its sending side, nil after the end.
    func line() async throws -> String? {
        try await awaited("a line of the server", every: .betweenGlances) { () -> String?? in
            // In this order: what is written before the end must not be missed.
            let isActive = channel.isActive
            await channel.testingEventLoop.run()
            while let more = try await channel.readOutbound(as: ByteBuffer.self) {
                received.withLock { $0 += String(buffer: more) }
            }
            return takeLine().map { .some($0) } ?? (isActive ? nil : .some(nil))
        }
    }

    /// All lines up to the end of what the server sends.
    func rest() async throws -> [String] {
        var lines: [String] = []
        while let line = try await line() {
            lines.append(line)
            if line == "<shut>" { break }
        }
        return lines
    }

    func advance(by time: TimeAmount) async { await channel.testingEventLoop.advanceTime(by: time) }

    private func takeLine() -> String? {
        received.withLock { text in
            guard let end = text.firstIndex(of: "\n") else { return nil }
            defer { text.removeSubrange(...end) }
            return String(text[..<end])
        }
    }
}

/// What a socket does and an embedded channel does not: half-closure.
private final class SocketDouble: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else {
            context.close(mode: mode, promise: promise)
            return
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "<shut>\n")), promise: promise)
    }
}

extension ManualClock {
    /// In seconds.
    fileprivate var unixTime: Int64 { 1_000_000_000 + now.components.seconds }

    var scheduling: RateLimiter.Scheduling {
        RateLimiter.Scheduling(now: { [self] in now }) { [self] delay, wake in schedule(in: delay, wake) }
    }
}
