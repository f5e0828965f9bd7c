import Logging
import Synchronization
import Testing

@testable import HamsterProgram

struct HangupServiceTests {
    @Test func `signals that come while one is answered are answered by one more run`() async throws {
        let runs = Mutex(0)
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let (held, release) = AsyncStream<Never>.makeStream()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let asked = Mutex(0)
        // Whoever asks for the next signal has taken the ones before.
        let signals = AsyncStream<Void> {
            let number = asked.withLock { number in
                number += 1
                return number
            }
            // The second comes when the first is being answered.
            if number == 2 { for await _ in begun.prefix(1) {} }
            guard number <= 6 else {
                release.finish()
                return nil
            }
            return ()
        }
        let service = HangupService(signals, logger: logger) {
            runs.withLock { $0 += 1 }
            begin.yield()
            // Holds the first run; the end of the stream holds no other.
            for await _ in held {}
        }

        try await service.run()

        #expect(runs.withLock { $0 } == 2)
    }

    @Test func `signals that come one after the other are answered each`() async throws {
        let runs = Mutex(0)
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let asked = Mutex(0)
        let signals = AsyncStream<Void> {
            let number = asked.withLock { number in
                number += 1
                return number
            }
            if number > 1 { for await _ in begun.prefix(1) {} }
            return number <= 3 ? () : nil
        }
        let service = HangupService(signals, logger: logger) {
            runs.withLock { $0 += 1 }
            begin.yield()
        }

        try await service.run()

        #expect(runs.withLock { $0 } == 3)
    }
}
