import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProgram
import HamsterStatus

/// The commands' work on what the server keeps of enrolments, as the server's user.
struct EnrollmentDesk {
    private let tokens: TokenFolder
    private let audit: AuditLog
    private let now = FileTime.now.seconds

    init(_ directory: String) throws {
        tokens = try TokenFolder(stateDirectory: directory, fileSystem: LinuxFileSystem())
        audit = try AuditLog(stateDirectory: directory, fileSystem: LinuxFileSystem())
    }

    func makeToken(for host: String, life: Int64, rootDigest: [UInt8]) throws -> String {
        let token = EnrollmentToken(host: host, rootDigest: rootDigest)
        try tokens.tidy(at: now)
        try tokens.add(
            TokenRecord(host: host, verifier: token.verifier, created: now, end: now + life), id: token.id)
        var entry = AuditLog.Entry(.tokenMade, host: host, at: now)
        entry.tokenID = token.id
        entry.end = now + life
        try audit.append(entry)
        return token.text
    }

    func tokenList(asJSON: Bool) throws -> String {
        let all = try tokens.all()
        guard !asJSON else {
            return lines(
                all.map { id, record in
                    .object([
                        .init("id", .string(id)), .init("host", .string(record.host)),
                        .init("created", .number(record.created)), .init("end", .number(record.end)),
                        .init("state", .string(state(record).text)),
                    ])
                })
        }
        var table = TextTable(
            [.init("TOKEN"), .init("HOST"), .init("MADE"), .init("ENDS"), .init("STATE")], Presentation.plain)
        for (id, record) in all {
            table.add([
                .init(id), .init(record.host), .init(FileTime.utc(record.created)), .init(FileTime.utc(record.end)),
                .init(state(record).text),
            ])
        }
        return table.text
    }

    func auditText(asJSON: Bool) throws -> String {
        let content = try audit.entries()
        if let complaint = audit.complaint(of: content.damagedLines) {
            writeToStandardError("loghamsterd: warning: \(complaint)\n")
        }
        guard !asJSON else { return lines(content.entries.map(\.document)) }
        var table = TextTable(
            [
                .init("TIME"), .init("EVENT"), .init("HOST"), .init("SERIAL"), .init("ENDS"), .init("ADDRESS"),
                .init("TOKEN"),
            ], Presentation.plain)
        for entry in content.entries {
            table.add([
                .init(FileTime.utc(entry.time)), .init(entry.event.rawValue), .init(entry.host),
                .init(entry.serial ?? "-"),
                .init(entry.end.map(FileTime.utc) ?? "-"), .init(entry.address ?? "-"), .init(entry.tokenID ?? "-"),
            ])
        }
        return table.text
    }

    private enum TokenState: Equatable {
        case open, expired
        case used(at: Int64)

        var text: String {
            switch self {
            case .open: "open"
            case .expired: "expired"
            case .used(let time): "used at \(FileTime.utc(time))"
            }
        }
    }

    private func state(_ record: TokenRecord) -> TokenState {
        if let use = record.use { return .used(at: use.time) }
        return record.end <= now ? .expired : .open
    }

    private func lines(_ documents: [JSON]) -> String {
        documents.map { String(decoding: $0.encoded, as: UTF8.self) + "\n" }.joined()
    }
}

extension AuditLog {
    /// Which of its lines can't be read, and what to do; nil: there are none.
    func complaint(of damagedLines: [Int]) -> String? {
        guard let first = damagedLines.first else { return nil }
        let shown = damagedLines.prefix(10).map(String.init).joined(separator: ", ")
        let lines = damagedLines.count == 1 ? "line \(first)" : "lines \(shown)"
        let more = damagedLines.count > 10 ? " and \(damagedLines.count - 10) more" : ""
        return
            "\(path): \(lines)\(more) can't be read: what was issued there is not revoked by its host's name: take the "
            + "serial from a copy of the file or from the server's log, revoke that, and remove the line"
    }
}
