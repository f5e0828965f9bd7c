internal import Glibc

/// What standard output leads to, and what may be shown there.
package struct OutputTerminal: Sendable {
    /// Where the terminal doesn't say.
    private static let usualSize = (columns: 80, rows: 24)

    /// Whether somebody looks at it.
    package let isTerminal: Bool
    private let environment: [String: String]

    package init(environment: [String: String]) {
        self.init(isTerminal: isatty(STDOUT_FILENO) == 1, environment: environment)
    }

    init(isTerminal: Bool, environment: [String: String]) {
        self.isTerminal = isTerminal
        self.environment = environment
    }

    /// Whether it understands more than lines: terminfo(5) calls one that doesn't, and one that is unknown, dumb.
    package var canRedraw: Bool { isTerminal && !["", "dumb"].contains(environment["TERM"] ?? "") }

    /// Colours are left out where the user says so: https://no-color.org.
    package var hasStyles: Bool { canRedraw && (environment["NO_COLOR"] ?? "").isEmpty }

    /// In characters; asked for anew each time, since windows are resized.
    package var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return Self.usualSize
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    package var presentation: Presentation {
        isTerminal ? .terminal(width: size.columns, hasStyles: hasStyles) : .plain
    }
}
