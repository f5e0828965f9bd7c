import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HamsterServer

struct RefusalLogTests {
    /// The lines that were written.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let parts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.all.withLock { $0.append(([event.message.description] + parts).joined(separator: " ")) }
        }
    }

    private let loop = EmbeddedEventLoop()
    private let lines = Lines()
    private let logger: Logger
    private let log: RefusalLog

    init() {
        logger = Logger(label: "test") { [lines] _ in Handler(lines: lines) }
        log = RefusalLog(logger: logger)
    }

    private func refuse(_ reason: String, _ level: Logger.Level = .info) {
        log.note(level, "connection refused", reason: reason, logger, on: loop)
    }

    private var written: [String] { lines.all.withLock { $0 } }

    @Test func `one line a second, and how many more there were`() {
        for number in 0..<100 { refuse("\(number)") }
        #expect(written == ["connection refused reason=0"])
        loop.advanceTime(by: .seconds(1))
        #expect(written.dropFirst() == ["more were refused and are not listed count=99"])
        refuse("later")
        #expect(written.dropFirst(2) == ["connection refused reason=later"])
    }

    @Test func `a minute of knocking is two lines a second at most`() {
        for number in 0..<6_000 {
            refuse("\(number)")
            loop.advanceTime(by: .milliseconds(10))
        }
        loop.advanceTime(by: .seconds(1))
        #expect(written.count <= 121)
        let counted = written.compactMap { $0.split(separator: "count=").last.flatMap { Int($0) } }.reduce(0, +)
        #expect(counted + written.count { $0.hasPrefix("connection refused") } == 6_000)
    }

    @Test func `single ones are all written, and nothing more`() {
        for number in 0..<3 {
            refuse("\(number)")
            loop.advanceTime(by: .seconds(1))
        }
        #expect(written.count == 3)
    }

    @Test func `what the level hides is not counted`() {
        for _ in 0..<3 { refuse("hidden", .debug) }
        loop.advanceTime(by: .seconds(2))
        #expect(written == [])
    }

    @Test func `the end of the program tells the count`() {
        for _ in 0..<3 { refuse("x") }
        log.flush()
        #expect(written.count == 2)
        loop.advanceTime(by: .seconds(2))
        #expect(written.count == 2)
    }
}
