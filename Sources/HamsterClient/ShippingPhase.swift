internal import HamsterCore
internal import NIOCore
internal import Synchronization

/// How far a client's run has come, for those who wait beside it, and what they ask its tasks.
final class ShippingPhase: Sendable {
    /// For a file that only a look at everything finds.
    let rescan = RescanRequest()
    private let eventLoops = Mutex<[any EventLoop]>([])
    /// The stream never yields: it ends after the first look.
    private let firstLook = AsyncStream<Never>.makeStream()
    /// Those who wait for the task that looks for files.
    let ofLooks = TurnQuestions()
    /// Those who wait for the task that saves the state.
    let ofSaves = TurnQuestions()

    func hasLooked() { firstLook.continuation.finish() }

    /// Returns at cancellation, too.
    func untilFirstLook() async { for await _ in firstLook.stream {} }

    func begin(on group: any EventLoopGroup) {
        eventLoops.withLock { $0 = Array(group.makeIterator()) }
    }

    /// Before those that they are of are shut down.
    func end() { eventLoops.withLock { $0 = [] } }

    /// The loops without which nothing is found, sent or remembered.
    var loops: [WorkLoop] {
        let sending = eventLoops.withLock { $0 }.enumerated().map { number, loop in
            WorkLoop("event loop \(number)") { answer in loop.execute(answer) }
        }
        let looking = WorkLoop("looks for files") { [self] answer in
            ofLooks.add(answer)
            rescan.wake()
        }
        return sending + [looking, WorkLoop("saves of the state") { [self] in ofSaves.add($0) }]
    }
}
