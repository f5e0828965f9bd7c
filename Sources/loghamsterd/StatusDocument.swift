import HamsterProgram
import HamsterStatus

/// The status document of a server, for people.
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

    /// What the document says of the program itself; `started` in Unix seconds.
    static func head(started: Int64) -> [JSON.Member] {
        Program.statusHead("loghamsterd", started: started)
    }

    /// Each line with its LF.
    var text: String {
        [
            summary, streams, outputs, failures, Program.certificates(of: document, now: now, presentation),
        ].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var summary: String {
        let counters = document["counters"] ?? .null
        var program = FactLine(presentation)
        program.add("", "loghamsterd \(document.word("version"))", .heading)
        program.add("process", document.word("pid"))
        program.add("up", document.age("started", now: now))
        var numbers = FactLine(presentation)
        numbers.add("connections", document.word("connections"))
        numbers.add("streams", "\(document["streams"]?.elements.count ?? 0)")
        numbers.add("outputs", "\(document["outputs"]?.elements.count ?? 0)")
        numbers.add("received", presentation.bytes(counters.number("received_bytes")))
        var refusals = FactLine(presentation)
        for (name, counter) in [
            ("refused streams", "streams_refused"), ("refused connections", "connections_refused"),
            ("failures to accept", "accept_failures"),
        ] {
            refusals.add(name, counters.word(counter), counters.number(counter) > 0 ? .warning : .plain)
        }
        return program.text + numbers.text + commits + refusals.text
    }

    private var commits: String {
        let commits = document["commits"] ?? .null
        var line = FactLine(presentation)
        line.add("commits", commits.word("count"))
        line.add("failed", commits.word("failed"), commits.number("failed") > 0 ? .error : .plain)
        line.add("last took", "\(commits.word("last_microseconds")) us")
        line.add("uncommitted", presentation.bytes(document.number("uncommitted_bytes")))
        var failure = FactLine(presentation)
        if let error = commits["last_error"], error != .null { failure.add("last commit failed:", error.text, .error) }
        return line.text + failure.text
    }

    private var streams: String {
        var table = TextTable(
            [
                .init("STREAM"), .init("SINCE", isNumber: true), .init("RECEIVED", isNumber: true),
                .init("ACKNOWLEDGED", isNumber: true), .init("PEER", fitting: .end, isOptional: true),
                .init("HOST:PATH", fitting: .middle), .init("THROTTLED BY", isOptional: true),
                .init("LAST ERROR", fitting: .end, isOptional: true),
            ], presentation)
        for stream in document["streams"]?.elements ?? [] {
            table.add([
                .init(stream.word("id")), .init(stream.age("since", now: now)),
                .init(stream.size("received", presentation)), .init(stream.size("acknowledged", presentation)),
                .init(stream.word("peer")), .init("\(stream.word("host")):\(stream.word("path"))"),
                .init(stream.word("throttled_by"), .warning), .init(stream.word("last_error"), .error),
            ])
        }
        return table.text
    }

    private var outputs: String {
        var table = TextTable(
            [
                .init("OUTPUT", fitting: .middle), .init("LENGTH", isNumber: true), .init("COMMITTED", isNumber: true),
                .init("STREAMS", isNumber: true), .init("FAILED", isOptional: true),
                .init("LAST ERROR", fitting: .end, isOptional: true),
            ], presentation)
        for output in document["outputs"]?.elements ?? [] {
            let hasFailed = output["failed"] == .bool(true)
            let isSilent = presentation.isForPeople && !hasFailed
            table.add([
                .init(output.word("path")), .init(output.size("length", presentation)),
                .init(output.size("committed", presentation)), .init(output.word("streams")),
                .init(isSilent ? TextTable.nothing : output.word("failed"), hasFailed ? .error : .plain),
                .init(output.word("last_error"), .error),
            ])
        }
        return table.text
    }

    private var failures: String {
        var table = TextTable(
            [
                .init("FAILED SOURCE", fitting: .middle), .init("AGO", isNumber: true), .init("REASON", fitting: .end),
            ], presentation)
        for failure in document["failures"]?.elements ?? [] {
            table.add([
                .init("\(failure.word("host")):\(failure.word("path"))"), .init(failure.age("at", now: now)),
                .init(failure.word("reason"), .error),
            ])
        }
        return table.text
    }
}
