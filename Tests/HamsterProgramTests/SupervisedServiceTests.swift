import HamsterCore
import HamsterProgram
import HamsterTesting
import Logging
import Synchronization
import Testing

struct SupervisedServiceTests {
    /// A loop that turns at each question, or only notes it.
    private final class Loop: Sendable {
        let isStuck = Atomic<Bool>(false)
        let questions = TurnQuestions()

        var asWorkLoop: WorkLoop {
            WorkLoop("test") { [self] answer in
                questions.add(answer)
                if !isStuck.load(ordering: .acquiring) { questions.answer() }
            }
        }
    }

    private let scratch: ScratchDirectory
    private let listener: NotificationListener

    init() throws {
        scratch = try ScratchDirectory()
        listener = try NotificationListener(scratch("notify.socket"))
    }

    /// Runs a service over these loops while `body` runs.
    private func supervise(
        _ loops: [WorkLoop], watchdog: String = "100000", untilReady: @escaping @Sendable () async -> Void = {},
        _ body: () async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let environment = ["NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": watchdog]
        let manager = try #require(ServiceManager(environment, logger: logger))
        let subject = SupervisedService.Subject(untilReady: untilReady, loops: { loops }, status: { "well" })
        let service = SupervisedService(subject, manager, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await service.run() }
            try await body()
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    @Test func `signs of life go on while all loops turn`() async throws {
        let (one, two) = (Loop(), Loop())
        try await supervise([one.asWorkLoop, two.asWorkLoop]) {
            #expect(try await listener.message("READY=1") == ["READY=1", "STATUS=well"])
            for _ in 1...3 { try await listener.message("WATCHDOG=1") }
        }
        try await listener.message("STOPPING=1")
    }

    @Test func `there are no signs of life while one loop is stuck`() async throws {
        let (one, two) = (Loop(), Loop())
        try await supervise([one.asWorkLoop, two.asWorkLoop]) {
            try await listener.message("WATCHDOG=1")
            two.isStuck.store(true, ordering: .releasing)
            // One may be on its way.
            try await listener.silence(of: .milliseconds(300))
            #expect(try await listener.lines(within: .milliseconds(500)) == [])
            two.isStuck.store(false, ordering: .releasing)
            two.questions.answer()
            try await listener.message("WATCHDOG=1")
        }
    }

    @Test func `a stuck loop keeps nobody from stopping`() async throws {
        let stuck = Loop()
        stuck.isStuck.store(true, ordering: .releasing)
        try await supervise([stuck.asWorkLoop]) { try await listener.message("READY=1") }
        try await listener.message("STOPPING=1", before: "WATCHDOG=1")
    }

    @Test func `nothing is said before the program is ready`() async throws {
        let (gate, isReady) = AsyncStream<Never>.makeStream()
        let loop = Loop()
        try await supervise([loop.asWorkLoop], untilReady: { for await _ in gate {} }) {
            #expect(try await listener.lines(within: .milliseconds(300)) == [])
            isReady.finish()
            try await listener.message("READY=1", before: "WATCHDOG=1")
        }
    }

    @Test func `without a watchdog there are no signs of life`() async throws {
        try await supervise([Loop().asWorkLoop], watchdog: "0") {
            try await listener.message("READY=1")
            #expect(try await !listener.lines(within: .milliseconds(300)).contains("WATCHDOG=1"))
        }
    }
}
