internal import Glibc
package import Logging

/// One line an event on standard error: text, JSON, or text with the journal's priorities.
package struct LineLogHandler: LogHandler {
    package enum Format: Sendable, Hashable {
        /// `TIME LEVEL message key=value …`
        case text
        /// `<PRIORITY>message key=value …`: the journal knows the time itself (sd-daemon(3)).
        case journal
        case json
    }

    private let format: Format
    private let write: @Sendable (String) -> Void
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    /// `write` takes whole lines with their LF, from any thread.
    package init(
        format: Format, level: Logger.Level, write: @escaping @Sendable (String) -> Void = writeToStandardError
    ) {
        self.format = format
        self.write = write
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        let pairs = all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }
        switch format {
        case .text: write("\(timestamp()) \(event.level) \(text(event.message, pairs))\n")
        case .journal: write("<\(priority(event.level))>\(text(event.message, pairs))\n")
        case .json: write(json(event.level, event.message, pairs) + "\n")
        }
    }

    private func text(_ message: Logger.Message, _ pairs: [(String, String)]) -> String {
        let words = pairs.map { "\($0.0)=\(quotedIfNeeded($0.1))" }
        return ([escaped("\(message)", quotes: false)] + words).joined(separator: " ")
    }

    private func json(_ level: Logger.Level, _ message: Logger.Message, _ pairs: [(String, String)]) -> String {
        let members =
            [("time", timestamp()), ("level", "\(level)"), ("message", "\(message)")]
            + pairs.map { (["time", "level", "message"].contains($0.0) ? "_\($0.0)" : $0.0, $0.1) }
        return "{"
            + members.map { "\"\(escaped($0.0, quotes: true))\":\"\(escaped($0.1, quotes: true))\"" }.joined(
                separator: ",") + "}"
    }

    private func quotedIfNeeded(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar != "\"" && scalar != "\\" && !(0x7F...0x9F).contains(scalar.value)
            }
        return isPlain ? text : "\"\(escaped(text, quotes: true))\""
    }

    /// No control byte reaches the log: whoever chose the text can't forge a line or drive a terminal.
    private func escaped(_ text: String, quotes: Bool) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            case "\\" where quotes: result += "\\\\"
            default:
                if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
    }

    /// syslog(3)'s numbers.
    private func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// RFC 3339 in UTC with milliseconds.
    private func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let seconds = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let milliseconds = String(now.tv_nsec / 1_000_000)
        return "\(seconds).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)Z"
    }
}
