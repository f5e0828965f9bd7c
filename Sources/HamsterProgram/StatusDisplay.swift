internal import HamsterFiles
package import HamsterStatus
internal import Synchronization
internal import UnixSignals

/// Shows the status of a running program: once, or again and again until SIGINT or SIGTERM.
package struct StatusDisplay: Sendable {
    /// Lays a document out; the moment is in Unix seconds.
    package typealias Layout = @Sendable (_ document: JSON, _ now: Int64, _ presentation: Presentation) -> String

    private static let timeout: Duration = .seconds(10)
    /// As long an interruption may have to wait.
    private static let timeoutOfWatch: Duration = .seconds(2)

    /// The program's name, as its errors begin.
    private let name: String
    private let directory: String
    private let isJSON: Bool
    private let terminal: OutputTerminal
    private let layout: Layout

    /// Does what the options say with the program that has this state directory. Throws `StatusError` where it can't be
    /// asked.
    package static func run(
        _ options: StatusOptions, of directory: String, _ program: Program, layout: @escaping Layout
    ) async throws {
        let terminal = OutputTerminal(environment: program.environment)
        let display = StatusDisplay(
            name: program.name, directory: directory, isJSON: options.json, terminal: terminal, layout: layout)
        if let interval = options.watch?.duration {
            try await display.show(every: interval)
        } else {
            try display.show()
        }
    }

    private func show() throws(StatusError) { _ = writeToStandardOutput(try text(Self.timeout)) }

    /// Returns when it is interrupted, or when nobody reads any more. Throws `StatusError` where the program can't be asked
    /// at first; later it is waited for.
    private func show(every interval: Duration) async throws {
        let first = try text(Self.timeout)
        // Before anything is changed on the terminal that a signal would leave behind.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sigwinch)
        let screen = Screen(isJSON || !terminal.canRedraw ? nil : terminal, separator: isJSON ? "" : "\n")
        defer { screen.leave() }
        guard screen.show(first) else { return }
        try await withThrowingTaskGroup { group in
            group.addTask {
                repeat { try await Task.sleep(for: interval) } while screen.show(try latest())
            }
            group.addTask {
                for await signal in signals {
                    guard signal == .sigwinch else { return }
                    screen.resize()
                    guard screen.show(try latest()) else { return }
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func text(_ timeout: Duration) throws(StatusError) -> String {
        guard !isJSON else {
            return String(decoding: try StatusRequest.bytes(in: directory, timeout: timeout), as: UTF8.self)
        }
        let document = try StatusRequest.fetch(in: directory, timeout: timeout)
        return layout(document, FileTime.now.seconds, terminal.presentation)
    }

    /// What is shown in place of a program that is being restarted.
    private func latest() throws(StatusError) -> String {
        do throws(StatusError) {
            return try text(Self.timeoutOfWatch)
        } catch {
            guard error.isPassing else { throw error }
            guard !isJSON else {
                // A document or nothing is what standard output is read for.
                writeToStandardError("\(name): \(error)\n")
                return ""
            }
            var line = FactLine(terminal.presentation)
            line.add("", "\(error)", .error)
            return line.text
        }
    }
}

extension StatusError {
    /// Whether the program may answer later.
    fileprivate var isPassing: Bool {
        switch code {
        case .notRunning, .timedOut, .system: true
        case .forbidden, .occupied, .unreadable: false
        }
    }
}

/// Where one text replaces another: the terminal's second screen, so that the first is as before in the end. Without a
/// terminal one follows the other.
private final class Screen: Sendable {
    private enum Sequence {
        static let enter = "\u{1B}[?1049h\u{1B}[?25l"
        static let leave = "\u{1B}[?25h\u{1B}[?1049l"
        static let home = "\u{1B}[H"
        static let clearLine = "\u{1B}[K"
        static let clearRest = "\u{1B}[J"
        static let clear = "\u{1B}[2J"
    }

    private let terminal: OutputTerminal?
    private let separator: String
    private let isFirst = Mutex(true)

    /// Nil: no terminal. There the separator is put between two texts.
    init(_ terminal: OutputTerminal?, separator: String) {
        self.terminal = terminal
        self.separator = separator
        if terminal != nil { _ = writeToStandardOutput(Sequence.enter) }
    }

    func leave() {
        if terminal != nil { _ = writeToStandardOutput(Sequence.leave) }
    }

    /// False: nobody reads any more.
    func show(_ text: String) -> Bool {
        // Two at a time would mix.
        isFirst.withLock { isFirst in
            defer { isFirst = false }
            guard let terminal else { return writeToStandardOutput(isFirst ? text : separator + text) }
            return writeToStandardOutput(Self.frame(text, rows: terminal.size.rows))
        }
    }

    /// What the old size has left.
    func resize() {
        isFirst.withLock { _ in
            if terminal != nil { _ = writeToStandardOutput(Sequence.clear) }
        }
    }

    /// Lines are cleared one by one as they are written, and what is left of the old text last: nothing flickers.
    private static func frame(_ text: String, rows: Int) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()[...]
        if lines.count > rows {
            let hidden = lines.count - rows + 1
            lines = lines.prefix(rows - 1) + ["… \(hidden) more lines"]
        }
        // Before each line and not behind it, where a line as long as the terminal would lose its last character.
        let shown = lines.map { Sequence.clearLine + $0 }.joined(separator: "\n")
        return Sequence.home + shown + (lines.count < rows ? "\n" + Sequence.clearRest : "")
    }
}
