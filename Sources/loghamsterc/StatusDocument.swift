import HamsterProgram
import HamsterStatus

/// The status document of a client, for people.
struct StatusDocument {
    private let document: JSON
    /// Unix seconds.
    private let now: Int64

    init(_ document: JSON, now: Int64) {
        self.document = document
        self.now = now
    }

    /// Each line with its LF.
    var text: String {
        [summary, files, Program.certificates(of: document, now: now)].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var summary: String {
        let counters = document["counters"]
        let files = document["files"]?.elements ?? []
        let lag = files.reduce(0) { sum, file in
            if case .integer(let lag) = file["lag_bytes"] { sum + lag } else { sum }
        }
        let lines = [
            "loghamsterc \(cell(document, "version")), process \(cell(document, "pid")), up "
                + "\(document.age("started", now: now)), target \(cell(document, "target"))",
            "files \(files.count), found \(cell(counters, "files_found")), delivered "
                + "\(cell(counters, "files_delivered")); acknowledged \(cell(counters, "acknowledged_bytes")) bytes, "
                + "to go \(lag) bytes, lost \(cell(counters, "lost_bytes")) bytes",
        ]
        return lines.map { TextTable.printable($0) + "\n" }.joined()
    }

    private var files: String {
        var table = TextTable(["STATE", "SIZE", "ACKNOWLEDGED", "LAG", "PATH", "LOCATION", "LAST ERROR"])
        for file in document["files"]?.elements ?? [] {
            let location = cell(file, "location")
            let isElsewhere = location != cell(file, "path")
            table.add([
                cell(file, "state"), cell(file, "size"), cell(file, "acknowledged"), cell(file, "lag_bytes"),
                cell(file, "path"),
                file["deleted"] == .bool(true) ? "(deleted)" : isElsewhere ? location : "", error(of: file),
            ])
        }
        return table.isEmpty ? "" : table.text
    }

    private func error(of file: JSON) -> String {
        guard let error = file["last_error"], error != .null else { return "-" }
        return "\(error.text) (\(file.age("last_error_at", now: now)) ago)"
    }

    private func cell(_ object: JSON?, _ name: String) -> String { object?[name]?.text ?? "-" }
}
