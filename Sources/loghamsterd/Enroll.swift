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
            loghamsterd enroll --config <file> --revoke <token-id, serial or host>
            loghamsterd enroll --config <file> --audit [--json]
            """,
        discussion: """
            The token goes to the new host: 'loghamsterc enroll SERVER:PORT TOKEN'. Whoever has it first is that host, so \
            send it as you would a password. The server need not run, nor be restarted.
            """)

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("How long the token can be used, such as 30m, 1h or 2d.", valueName: "time"))
    var valid: String?

    @Flag(help: "List the tokens that were made.")
    var list = false

    @Option(
        help: ArgumentHelp(
            "Make a token worthless, revoke the certificate with this serial, or both for all that is out for a host.",
            valueName: "token-id, serial or host"))
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
        guard host != nil || valid == nil else {
            throw ValidationError("--valid is for a token that is made: give HOST")
        }
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
        if let revoke {
            return try self.revoke(revoke, settings, enrollment, directory, owner)
        }
        let text = try acting(as: owner) {
            let desk = try EnrollmentDesk(directory)
            if let host { return try desk.makeToken(for: host.lowercased(), life: life, rootDigest: rootDigest) + "\n" }
            return try list ? desk.tokenList(asJSON: json) : desk.auditText(asJSON: json)
        }
        print(text, terminator: "")
    }

    private func revoke(
        _ name: String, _ settings: ServerSettings, _ enrollment: EnrollmentConfiguration, _ directory: String,
        _ owner: FileOwner?
    ) throws {
        let revocation = Revocation(settings, enrollment)
        let desk = try acting(as: owner) { try EnrollmentDesk(directory) }
        // Most of it is read before anybody has to wait.
        let known = try acting(as: owner) { try desk.issued(name) }
        // Then nobody gets another certificate until those that are out stand on the list, which the server asks.
        let lock = try acting(as: owner) { try desk.lock() }
        defer { lock.release() }
        let (tokens, certificates) = try acting(as: owner) { try desk.revoke(name, known) }
        for line in tokens { print(line) }
        if !certificates.isEmpty { print(try revocation.revoke(certificates, directory, owner)) }
        if known.damagedCount > 0 {
            throw ProgramFailure(
                .failed,
                ["\(known.damagedCount) lines of the audit log can't be read: what was issued there is not revoked"])
        }
    }

    private func life() throws -> Int64 {
        let text = valid ?? "1h"
        guard let duration = Quantity.duration(text), (1...(366 * 86_400)).contains(duration.components.seconds) else {
            throw ProgramFailure(.usage, ["--valid \(text): expected a time from 1s to 366d, such as 1h"])
        }
        return duration.components.seconds
    }
}

/// The commands' work on what the server keeps of enrolments, as the server's user.
private struct EnrollmentDesk {
    private let tokens: TokenFolder
    private let audit: AuditLog
    private let now = FileTime.now.seconds
    private static let patience: Duration = .seconds(10)

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

    func lock() throws -> any FileLock { try tokens.lock(patience: Self.patience) }

    /// What was issued under a name, a host's or a serial, as far as it has not ended; after `before`, if that is given.
    func issued(_ name: String, after before: AuditLog.Content = AuditLog.Content()) throws -> AuditLog.Content {
        let (host, serial) = (name.lowercased(), name.uppercased())
        let found = try audit.entries(from: before.end) { entry in
            entry.event.isIssue && (entry.serial == serial || (entry.host == host && (entry.end ?? now) >= now))
        }
        return AuditLog.Content(
            entries: before.entries + found.entries, damagedCount: before.damagedCount + found.damagedCount,
            end: found.end)
    }

    /// Makes the tokens that are meant worthless, and returns what was done; and the certificates that are meant, which are still
    /// to be revoked. `known` is what was issued until a while ago. With the lock held.
    func revoke(_ name: String, _ known: AuditLog.Content) throws -> (done: [String], certificates: [AuditLog.Entry]) {
        let (id, serial) = (name.lowercased(), name.uppercased())
        // Used ones too: they are good for their key until they end.
        let tokens = try self.tokens.all().filter { known, record in
            known == id || (record.host == id && record.end > now)
        }
        let issued = try issued(name, after: known).entries
        let (isToken, isSerial) = (tokens.contains { $0.id == id }, issued.contains { $0.serial == serial })
        guard !tokens.isEmpty || !issued.isEmpty else {
            throw ProgramFailure(
                .failed,
                [
                    "--revoke \(printable(name.utf8)): it is no token, no serial, and no host with one of them: see --list "
                        + "and --audit"
                ])
        }
        // What is named exactly is meant alone, whatever a host is called.
        let done = try tokens.filter { isToken ? $0.id == id : !isSerial }.map(revoke)
        if isToken { return (done, []) }
        return (done, isSerial ? issued.filter { $0.serial == serial } : withFirst(issued))
    }

    /// With those before the first renewals, which may have been made elsewhere: by `certs/ca`.
    private func withFirst(_ issued: [AuditLog.Entry]) -> [AuditLog.Entry] {
        var serials = Set(issued.compactMap(\.serial))
        return issued.flatMap { entry in
            guard let previous = entry.previous, serials.insert(previous).inserted else { return [entry] }
            var first = AuditLog.Entry(.enrolled, host: entry.host, at: entry.time)
            first.serial = previous
            return [first, entry]
        }
    }

    private func revoke(_ id: String, _ record: TokenRecord) throws -> String {
        guard try tokens.remove(id) else { return "token \(id) for \(record.host): was revoked before" }
        var entry = AuditLog.Entry(.tokenRevoked, host: record.host, at: now)
        entry.tokenID = id
        try audit.append(entry)
        let hint = record.use == nil ? "" : "; it was used: --revoke \(record.host) revokes what was issued for it"
        return "token \(id) for \(record.host): revoked\(hint)"
    }

    func auditText(asJSON: Bool) throws -> String {
        let content = try audit.entries()
        if content.damagedCount > 0 {
            writeToStandardError(
                "loghamsterd: warning: \(content.damagedCount) lines of the audit log can't be read\n")
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

/// Puts certificates on the CA's list of revoked ones, as whoever may do that.
private struct Revocation {
    private let enrollment: EnrollmentConfiguration
    private let revocationList: String?
    private let fileSystem = LinuxFileSystem()
    private let now = FileTime.now.seconds

    init(_ settings: ServerSettings, _ enrollment: EnrollmentConfiguration) {
        self.enrollment = enrollment
        revocationList = settings.server.tls?.crl
    }

    /// `directory` is the server's folder of state, and `owner` whom it belongs to. Returns a line for each.
    func revoke(_ issued: [AuditLog.Entry], _ directory: String, _ owner: FileOwner?) throws -> String {
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
        // As the server does: root's key, which the server's group may read, is not for others to read.
        let authority = try acting(as: owner) {
            try IssuingAuthority(certificate: enrollment.authority, key: enrollment.key)
        }
        let database = try AuthorityDatabase(besideAuthority: enrollment.authority, fileSystem: fileSystem)
        // Until all is written; who else revokes with this program has the tokens' lock.
        let lock = try database?.lock()
        defer { lock?.release() }
        let number = try database?.nextNumber() ?? 1
        let serials = issued.compactMap(\.serial).filter(IssuingAuthority.isSerial)
        let new = try authority.revoke(serials: serials, path: path, numberMin: number)
        let added = Set(new?.added ?? [])
        for certificate in issued where added.contains(certificate.serial ?? "") {
            var entry = AuditLog.Entry(.certificateRevoked, host: certificate.host, at: now)
            entry.serial = certificate.serial
            try acting(as: owner) { [entry] in
                try AuditLog(stateDirectory: directory, fileSystem: fileSystem).append(entry)
            }
            try database?.note(
                revoked: certificate.serial ?? "", host: certificate.host, end: certificate.end ?? now, at: now,
                listNumber: new?.number ?? number)
        }
        if let new {
            try fileSystem.replace(path, with: new.text, mode: 0o644, owner: try? fileSystem.ownerToKeep(of: path))
        }
        return issued.map { certificate in
            let serial = certificate.serial ?? "?"
            guard IssuingAuthority.isSerial(serial) else {
                return
                    "certificate \(printable(serial.utf8)) of \(certificate.host): NOT revoked: it has no serial number"
            }
            return "certificate \(serial) of \(certificate.host): "
                + (added.contains(serial)
                    ? "revoked in \(path), which the server sees within seconds" : "was revoked before")
        }.joined(separator: "\n")
    }
}
