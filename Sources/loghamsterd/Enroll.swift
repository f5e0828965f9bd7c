import ArgumentParser
import HamsterConfiguration
import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProgram
import HamsterProtocol
import HamsterServer
import HamsterStatus
import HamsterStore
import HamsterTLS

/// `loghamsterd enroll HOST --config F`: lets a new host ask for its certificate.
struct Enroll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a token with which a new host gets its certificate, once.",
        usage: """
            loghamsterd enroll --config <file> [--valid <time>] <host>
            loghamsterd enroll --config <file> --list [--json]
            loghamsterd enroll --config <file> --revoke <token-id or serial>
            loghamsterd enroll --config <file> --audit [--json]
            """,
        discussion: """
            The token goes to the new host: 'loghamsterc enroll SERVER:PORT TOKEN'. Whoever has it first is that host, so \
            send it as you would a password. The server need not run, nor be restarted.
            """)

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("How long the token can be used, such as 30m, 1h or 2d.", valueName: "time"))
    var valid = "1h"

    @Flag(help: "List the tokens that were made.")
    var list = false

    @Option(
        help: ArgumentHelp(
            "Make a token worthless, or revoke the certificate with this serial.", valueName: "token-id or serial"))
    var revoke: String?

    @Flag(help: "Show what was issued and revoked, and for whom.")
    var audit = false

    @Flag(help: "For programs: one JSON document a line.")
    var json = false

    @Argument(help: ArgumentHelp("The host as it will send: the name in its certificate.", valueName: "host"))
    var host: String?

    func validate() throws {
        let asked = [host != nil, list, revoke != nil, audit].count { $0 }
        guard asked == 1 else { throw ValidationError("expected one of HOST, --list, --revoke or --audit") }
        if let host, !StreamSource.isHostName(Array(host.utf8)) {
            throw ValidationError(
                "'\(printable(host.utf8))' is no host: 1 to 253 of A-Z a-z 0-9 . _ -, not . or - first")
        }
    }

    func run() async throws {
        let settings = try options.settings(LogHamsterDaemon.program)
        guard let enrollment = settings.server.enrollment else {
            throw ProgramFailure(
                .configuration, ["enroll.ca: missing: nobody can enrol: set 'ca' and 'key' in [enroll]"])
        }
        let (directory, fileSystem) = (settings.server.store.stateDirectory, LinuxFileSystem())
        // The server may not have run yet.
        try fileSystem.makeDirectory(directory, mode: 0o750)
        let rootDigest = try IssuingAuthority.rootDigest(enrollment.authority)
        let life = try life()
        let owner = try fileSystem.ownerToKeep(of: directory)
        if let revoke, let issued = try acting(as: owner, { try EnrollmentDesk(directory).issued(revoke.uppercased()) })
        {
            return print(try Revocation(settings, enrollment).revoke(issued, directory, owner))
        }
        let text = try acting(as: owner) {
            let desk = try EnrollmentDesk(directory)
            if let host { return try desk.makeToken(for: host.lowercased(), life: life, rootDigest: rootDigest) + "\n" }
            if list { return try desk.tokenList(asJSON: json) }
            if let revoke { return try desk.revoke(token: revoke.lowercased()) + "\n" }
            return try desk.auditText(asJSON: json)
        }
        print(text, terminator: "")
    }

    private func life() throws -> Int64 {
        guard let duration = Quantity.duration(valid), (1...(366 * 86_400)).contains(duration.components.seconds) else {
            throw ProgramFailure(.usage, ["--valid \(valid): expected a time from 1s to 366d, such as 1h"])
        }
        return duration.components.seconds
    }
}

/// The commands' work on what the server keeps of enrolments, as the server's user.
private struct EnrollmentDesk {
    private let tokens: TokenFolder
    private let audit: AuditLog
    private let now = FileTime.now.seconds

    init(_ directory: String) throws {
        tokens = try TokenFolder(stateDirectory: directory, fileSystem: LinuxFileSystem())
        audit = try AuditLog(stateDirectory: directory, fileSystem: LinuxFileSystem())
    }

    /// The certificate with this serial; nil: none was issued.
    func issued(_ serial: String) throws -> AuditLog.Entry? {
        try audit.entries().entries.last { $0.serial == serial && $0.event != .certificateRevoked }
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
                        .init("state", .string(state(record))),
                    ])
                })
        }
        var table = TextTable(
            [.init("TOKEN"), .init("HOST"), .init("MADE"), .init("ENDS"), .init("STATE")], Presentation.plain)
        for (id, record) in all {
            table.add([
                .init(id), .init(record.host), .init(FileTime.utc(record.created)), .init(FileTime.utc(record.end)),
                .init(state(record)),
            ])
        }
        return table.text
    }

    func revoke(token name: String) throws -> String {
        guard let record = try tokens.all().first(where: { $0.id == name })?.record, try tokens.remove(name) else {
            throw ProgramFailure(
                .failed,
                ["--revoke \(printable(name.utf8)): it is neither a token nor a serial: see --list and --audit"])
        }
        var entry = AuditLog.Entry(.tokenRevoked, host: record.host, at: now)
        entry.tokenID = name
        try audit.append(entry)
        return "token \(name) for \(record.host): revoked"
    }

    func auditText(asJSON: Bool) throws -> String {
        let (entries, damagedCount) = try audit.entries()
        if damagedCount > 0 {
            writeToStandardError("loghamsterd: warning: \(damagedCount) lines of the audit log can't be read\n")
        }
        guard !asJSON else { return lines(entries.map(\.document)) }
        var table = TextTable(
            [
                .init("TIME"), .init("EVENT"), .init("HOST"), .init("SERIAL"), .init("ENDS"), .init("ADDRESS"),
                .init("TOKEN"),
            ], Presentation.plain)
        for entry in entries {
            table.add([
                .init(FileTime.utc(entry.time)), .init(entry.event.rawValue), .init(entry.host),
                .init(entry.serial ?? "-"),
                .init(entry.end.map(FileTime.utc) ?? "-"), .init(entry.address ?? "-"), .init(entry.tokenID ?? "-"),
            ])
        }
        return table.text
    }

    private func state(_ record: TokenRecord) -> String {
        if let use = record.use { return "used at \(FileTime.utc(use.time))" }
        return record.end <= now ? "expired" : "open"
    }

    private func lines(_ documents: [JSON]) -> String {
        documents.map { String(decoding: $0.encoded, as: UTF8.self) + "\n" }.joined()
    }
}

/// Puts a certificate on the CA's list of revoked ones, as whoever may do that.
private struct Revocation {
    private let enrollment: EnrollmentConfiguration
    private let revocationList: String?
    private let fileSystem = LinuxFileSystem()
    private let now = FileTime.now.seconds

    init(_ settings: ServerSettings, _ enrollment: EnrollmentConfiguration) {
        self.enrollment = enrollment
        revocationList = settings.server.tls?.crl
    }

    /// `directory` is the server's folder of state, and `owner` whom it belongs to.
    func revoke(_ issued: AuditLog.Entry, _ directory: String, _ owner: FileOwner?) throws -> String {
        let serial = issued.serial ?? ""
        guard let path = revocationList else {
            throw ProgramFailure(
                .configuration,
                ["tls.crl: missing: the server looks at no list of revoked certificates: set 'crl' in [tls]"])
        }
        guard try fileSystem.status(of: SourcePath(path))?.kind != .directory else {
            throw ProgramFailure(
                .failed, ["\(path): it is a directory: which file to replace there is for you to say: name it in 'crl'"]
            )
        }
        let authority = try IssuingAuthority(certificate: enrollment.authority, key: enrollment.key)
        let database = try AuthorityDatabase(besideAuthority: enrollment.authority, fileSystem: fileSystem)
        // Until all is written.
        let lock = try database?.lock()
        defer { lock?.release() }
        let number = try database?.nextNumber() ?? 1
        guard let new = try authority.revoke(serial: serial, path: path, numberMin: number) else {
            return "certificate \(serial) of \(issued.host): was revoked before"
        }
        var entry = AuditLog.Entry(.certificateRevoked, host: issued.host, at: now)
        entry.serial = serial
        try acting(as: owner) { [entry] in
            try AuditLog(stateDirectory: directory, fileSystem: fileSystem).append(entry)
        }
        try database?.note(
            revoked: serial, host: issued.host, end: issued.end ?? now, at: now, listNumber: new.number)
        try fileSystem.replace(
            path, with: new.text, mode: 0o644, owner: try? fileSystem.ownerToKeep(of: path))
        return "certificate \(serial) of \(issued.host): revoked in \(path), which the server sees within seconds"
    }
}
