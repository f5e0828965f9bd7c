internal import HamsterCore
internal import NIOCore
internal import Synchronization

/// How far a server's run has come, for those who wait beside it.
final class ServerPhase: Sendable {
    private let eventLoops = Mutex<[any EventLoop]>([])
    /// The stream never yields: it ends when the server listens.
    private let listening = AsyncStream<Never>.makeStream()

    func begin(on group: any EventLoopGroup) {
        eventLoops.withLock { $0 = Array(group.makeIterator()) }
    }

    func listens() { listening.continuation.finish() }

    /// Before those that they are of are shut down.
    func end() { eventLoops.withLock { $0 = [] } }

    /// Returns at cancellation, too.
    func untilListening() async { for await _ in listening.stream {} }

    var loops: [WorkLoop] {
        eventLoops.withLock { $0 }.enumerated().map { number, loop in
            WorkLoop("event loop \(number)") { answer in loop.execute(answer) }
        }
    }
}
