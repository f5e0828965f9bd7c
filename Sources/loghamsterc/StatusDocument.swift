import HamsterProgram
import HamsterStatus

/// The status document of a client, for people.
struct StatusDocument {
    private let document: JSON
    /// Unix seconds.
    private let now: Int64
    private let presentation: Presentation

    init(_ document: JSON, now: Int64, _ presentation: Presentation) {
        self.document = document
        self.now = now
        self.presentation = presentation
    }

    /// Each line with its LF.
    var text: String {
        [summary, files, Program.certificates(of: document, now: now, presentation)].filter { !$0.isEmpty }
            .joined(separator: "\n")
    }

    private var summary: String {
        let counters = document["counters"] ?? .null
        let files = document["files"]?.elements ?? []
        let lag = files.reduce(0) { $0 + $1.number("lag_bytes") }
        let lost = counters.number("lost_bytes")
        var program = FactLine(presentation)
        program.add("", "loghamsterc \(document.word("version"))", .heading)
        program.add("process", document.word("pid"))
        program.add("up", document.age("started", now: now))
        program.add("target", document.word("target"))
        var numbers = FactLine(presentation)
        numbers.add("files", "\(files.count)")
        numbers.add("found", counters.word("files_found"))
        numbers.add("delivered", counters.word("files_delivered"))
        numbers.add("acknowledged", presentation.bytes(counters.number("acknowledged_bytes")))
        numbers.add("to go", presentation.bytes(lag), lag > 0 ? .warning : .plain)
        numbers.add("lost", presentation.bytes(lost), lost > 0 ? .error : .plain)
        return program.text + numbers.text
    }

    private var files: String {
        var table = TextTable(
            [
                .init("STATE"), .init("SIZE", isNumber: true), .init("ACKNOWLEDGED", isNumber: true),
                .init("LAG", isNumber: true), .init("PATH", fitting: .middle),
                .init("LOCATION", fitting: .middle, isOptional: true),
                .init("LAST ERROR", fitting: .end, isOptional: true),
            ], presentation)
        for file in document["files"]?.elements ?? [] {
            let state = file.word("state")
            table.add([
                .init(state, Self.style(ofState: state)), .init(file.size("size", presentation)),
                .init(file.size("acknowledged", presentation)),
                .init(file.size("lag_bytes", presentation), file.number("lag_bytes") > 0 ? .warning : .plain),
                .init(file.word("path")), location(of: file), error(of: file),
            ])
        }
        return table.text
    }

    private static func style(ofState state: String) -> TextStyle {
        switch state {
        case "streaming": .good
        case "retrying": .warning
        case "refused": .error
        default: .plain
        }
    }

    /// Where the file is, if that is not its path.
    private func location(of file: JSON) -> TextTable.Cell {
        if file["deleted"] == .bool(true) { return .init("(deleted)", .warning) }
        let location = file.word("location")
        return .init(location == file.word("path") ? "" : location)
    }

    private func error(of file: JSON) -> TextTable.Cell {
        guard let error = file["last_error"], error != .null else { return .init(TextTable.nothing) }
        return .init("\(error.text) (\(file.age("last_error_at", now: now)) ago)", .error)
    }
}
