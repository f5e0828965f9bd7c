import HamsterProgram
import Logging
import Synchronization
import Testing

struct LineLogHandlerTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// What one event looks like; the time of day as `TIME`.
    private func line(
        _ format: LineLogHandler.Format, _ message: Logger.Message, _ metadata: Logger.Metadata = [:],
        level: Logger.Level = .info, of logger: Logger.Metadata = [:]
    ) -> String {
        let lines = Lines()
        var log = Logger(label: "test") { _ in
            LineLogHandler(format: format, level: .trace) { line in lines.all.withLock { $0.append(line) } }
        }
        for (key, value) in logger { log[metadataKey: key] = value }
        log.log(level: level, message, metadata: metadata)
        let text = lines.all.withLock { $0.joined() }
        return text.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, with: "TIME")
    }

    @Test func `text is a line of time, level, message and pairs in the order of their keys`() {
        #expect(line(.text, "listening", level: .notice) == "TIME notice listening\n")
        #expect(
            line(.text, "stream opened", ["offset": "5", "host": "web1"], of: ["stream": "9f", "host": "old"])
                == "TIME info stream opened host=web1 offset=5 stream=9f\n")
        #expect(
            line(.text, "x", ["list": ["a", "b"], "empty": ""])
                == "TIME info x empty=\"\" list=\"[\\\"a\\\", \\\"b\\\"]\"\n")
    }

    @Test(arguments: [
        (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
    ])
    func `the journal has its priority in front, and no time`(level: Logger.Level, priority: Int) {
        #expect(line(.journal, "x", ["a": "b"], level: level) == "<\(priority)>x a=b\n")
    }

    @Test func `JSON is one object a line`() {
        #expect(
            line(.json, "it's \"so\"", ["path": "C:\\x", "time": "mine"], level: .warning)
                == #"{"time":"TIME","level":"warning","message":"it's \"so\"","path":"C:\\x","_time":"mine"}"# + "\n")
    }

    @Test(arguments: [
        ("plain", "plain"), ("a b", "\"a b\""), ("a\"b", "\"a\\\"b\""), ("a\\b", "\"a\\\\b\""),
        ("a\nb", "\"a\\nb\""), ("a\rb", "\"a\\u000db\""), ("\u{1B}[2J", "\"\\u001b[2J\""), ("\u{7F}", "\"\\u007f\""),
        ("\u{9B}31m", "\"\\u009b31m\""), ("\u{85}", "\"\\u0085\""), ("é", "é"), ("a=b", "a=b"), ("\t", "\"\\u0009\""),
    ])
    func `no value can forge a line or drive a terminal`(value: String, text: String) {
        #expect(line(.text, "x", ["k": "\(value)"]) == "TIME info x k=\(text)\n")
    }

    @Test func `no message can forge a line either`() {
        #expect(line(.text, "a\nb \"c\" \u{1B}") == "TIME info a\\nb \"c\" \\u001b\n")
        #expect(line(.journal, "a\n<0>b") == "<6>a\\n<0>b\n")
        #expect(line(.json, "a\nb\u{0}") == "{\"time\":\"TIME\",\"level\":\"info\",\"message\":\"a\\nb\\u0000\"}\n")
    }

    @Test func `what is below the level is not written`() {
        let lines = Lines()
        let log = Logger(label: "test") { _ in
            LineLogHandler(format: .journal, level: .warning) { line in lines.all.withLock { $0.append(line) } }
        }
        log.info("no")
        log.warning("yes")
        #expect(lines.all.withLock { $0 } == ["<4>yes\n"])
    }
}

struct ExitStatusTests {
    @Test func `the codes are those of the documents`() {
        let all: [HamsterProgram.ExitStatus] = [.ok, .failed, .usage, .unavailable, .io, .permission, .configuration]
        #expect(all.map(\.rawValue) == [0, 1, 64, 69, 74, 77, 78])
    }
}
