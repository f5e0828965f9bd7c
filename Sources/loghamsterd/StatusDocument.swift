import HamsterProgram
import HamsterStatus

/// The status document of a server, for people.
struct StatusDocument {
    private let document: JSON
    /// Unix seconds.
    private let now: Int64

    init(_ document: JSON, now: Int64) {
        self.document = document
        self.now = now
    }

    /// What the document says of the program itself; `started` in Unix seconds.
    static func head(started: Int64) -> [JSON.Member] {
        Program.statusHead("loghamsterd", started: started)
    }

    /// Each line with its LF.
    var text: String {
        [summary, streams, outputs, failures, Program.certificates(of: document, now: now)].filter { !$0.isEmpty }
            .joined(separator: "\n")
    }

    private var summary: String {
        let commits = document["commits"]
        let counters = document["counters"]
        var lines = [
            "loghamsterd \(cell(document, "version")), process \(cell(document, "pid")), up \(age(document, "started"))",
            "connections \(cell(document, "connections")), streams \(document["streams"]?.elements.count ?? 0), "
                + "outputs \(document["outputs"]?.elements.count ?? 0), received \(cell(counters, "received_bytes")) bytes",
            "commits \(cell(commits, "count")), failed \(cell(commits, "failed")), "
                + "last took \(cell(commits, "last_microseconds")) us, "
                + "uncommitted \(cell(document, "uncommitted_bytes")) bytes",
            "refused streams \(cell(counters, "streams_refused")), connections \(cell(counters, "connections_refused")); "
                + "failures to accept \(cell(counters, "accept_failures"))",
        ]
        if let error = commits?["last_error"], error != .null { lines.append("last commit failed: \(error.text)") }
        return lines.map { TextTable.printable($0) + "\n" }.joined()
    }

    private var streams: String {
        var table = TextTable([
            "STREAM", "SINCE", "RECEIVED", "ACKNOWLEDGED", "PEER", "HOST:PATH", "THROTTLED BY", "LAST ERROR",
        ])
        for stream in document["streams"]?.elements ?? [] {
            table.add([
                cell(stream, "id"), age(stream, "since"), cell(stream, "received"), cell(stream, "acknowledged"),
                cell(stream, "peer"), "\(cell(stream, "host")):\(cell(stream, "path"))",
                cell(stream, "throttled_by"), cell(stream, "last_error"),
            ])
        }
        return table.isEmpty ? "" : table.text
    }

    private var outputs: String {
        var table = TextTable(["OUTPUT", "LENGTH", "COMMITTED", "STREAMS", "FAILED", "LAST ERROR"])
        for output in document["outputs"]?.elements ?? [] {
            let names = ["path", "length", "committed", "streams", "failed", "last_error"]
            table.add(names.map { cell(output, $0) })
        }
        return table.isEmpty ? "" : table.text
    }

    private var failures: String {
        var table = TextTable(["FAILED SOURCE", "AGO", "REASON"])
        for failure in document["failures"]?.elements ?? [] {
            table.add([
                "\(cell(failure, "host")):\(cell(failure, "path"))", age(failure, "at"), cell(failure, "reason"),
            ])
        }
        return table.isEmpty ? "" : table.text
    }

    private func cell(_ object: JSON?, _ name: String) -> String { object?[name]?.text ?? "-" }

    private func age(_ object: JSON, _ name: String) -> String { object.age(name, now: now) }
}
