/// How a program logs.
package struct LogSettings: Sendable, Hashable {
    package enum Level: String, Sendable, Hashable, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    package enum Format: Sendable, Hashable {
        case text, json
    }

    package var level = Level.info
    package var format = Format.text

    package init() {}

    init(_ root: TableReader) {
        self.init()
        let isDebug = root.bool("debug")
        level =
            root.choice(
                "log_level",
                [
                    "trace": .trace, "debug": .debug, "info": .info, "notice": .notice, "warning": .warning,
                    "error": .error,
                ], default: isDebug ? "debug" : "info")
        format = root.choice("log_format", ["text": .text, "json": .json])
    }
}
