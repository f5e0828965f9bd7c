import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProgram
import HamsterTLS

/// `--revoke NAME`: makes tokens worthless, and puts certificates on the CA's list of revoked ones. What stops a thief comes first;
/// a step that fails holds none of the others up, and is done by the next try.
struct Revocation {
    private typealias Certificate = IssuedCertificates.Certificate

    /// What was done.
    private(set) var lines: [String] = []
    private var failure: ProgramFailure?
    private let name: String
    private let enrollment: EnrollmentConfiguration
    private let directory: String
    private let owner: FileOwner?
    private let fileSystem = LinuxFileSystem()
    private let now = FileTime.now.seconds
    private static let patience: Duration = .seconds(10)

    /// `directory` is the server's folder of state, and `owner` whom it belongs to.
    init(of name: String, _ enrollment: EnrollmentConfiguration, in directory: String, owner: FileOwner?) {
        self.name = name
        self.enrollment = enrollment
        self.directory = directory
        self.owner = owner
    }

    /// `path` is that of the list; nil: the server looks at none. Throws what failed, once all else is done.
    mutating func run(list path: String?) throws {
        let (tokens, audit, marks) = try acting(as: owner) {
            (
                try TokenFolder(stateDirectory: directory, fileSystem: fileSystem),
                try AuditLog(stateDirectory: directory, fileSystem: fileSystem),
                try RevokedSerials(stateDirectory: directory, fileSystem: fileSystem)
            )
        }
        // Most of it is read before anybody has to wait.
        var issued = IssuedCertificates(under: name)
        try acting(as: owner) { try issued.read(audit) }
        // Then nobody gets another certificate until those that are out are marked.
        let lock = try acting(as: owner) { try tokens.lock(patience: Self.patience) }
        defer { lock.release() }
        try acting(as: owner) { try issued.read(audit) }

        let meant = try acting(as: owner) { try tokensMeant(tokens, beside: issued) }
        guard !meant.isToken else {
            revoke(meant.tokens, in: tokens, audit)
            return try end()
        }
        let certificates = issued.named.map { [$0] } ?? issued.good(at: now)
        guard !certificates.isEmpty || !meant.tokens.isEmpty else { throw unknownName }
        attempt { me in
            try acting(as: me.owner) { for certificate in certificates { try marks.add(certificate.serial) } }
        }
        if !certificates.isEmpty { attempt { me in try me.list(certificates, in: path) } }
        if issued.named == nil { revoke(meant.tokens, in: tokens, audit) }
        attempt { me in
            for certificate in certificates where !issued.revoked.contains(certificate.serial) {
                var entry = AuditLog.Entry(.certificateRevoked, host: certificate.host, at: me.now)
                entry.serial = certificate.serial
                try acting(as: me.owner) { [entry] in try audit.append(entry) }
            }
        }
        if let named = issued.named {
            attempt { me in try me.tellRest(of: named.host, tokens, audit, marks) }
        }
        if let complaint = audit.complaint(of: issued.damagedLines) {
            attempt { _ in throw ProgramFailure(.failed, [complaint]) }
        }
        try end()
    }

    private var unknownName: ProgramFailure {
        ProgramFailure(
            .failed,
            [
                "--revoke \(printable(name.utf8)): it is no token, no serial, and no host with one of them: see --list "
                    + "and --audit"
            ])
    }

    /// Those of this id or host, and whether it is an id. What is named exactly is meant alone, whatever a host is called.
    private func tokensMeant(
        _ folder: TokenFolder, beside issued: IssuedCertificates
    ) throws -> (tokens: [(id: String, record: TokenRecord)], isToken: Bool) {
        let id = name.lowercased()
        let all = try folder.all()
        if let token = all.first(where: { $0.id == id }) { return ([token], true) }
        // Used ones too: they are good for their key until they end.
        return (all.filter { $0.record.host == id && $0.record.end > now }, false)
    }

    /// Does a step, and keeps what it throws.
    private mutating func attempt(_ step: (inout Self) throws -> Void) {
        do {
            try step(&self)
        } catch {
            let status = (error as? ProgramFailure)?.status ?? (error as? any ExitStatusProviding)?.exitStatus
            let texts = (error as? ProgramFailure)?.lines ?? ["\(error)"]
            failure = ProgramFailure(failure?.status ?? status ?? .failed, (failure?.lines ?? []) + texts)
        }
    }

    private func end() throws {
        if let failure { throw failure }
    }

    private mutating func revoke(
        _ meant: [(id: String, record: TokenRecord)], in folder: TokenFolder, _ audit: AuditLog
    ) {
        for (id, record) in meant {
            attempt { me in
                let isRemoved = try acting(as: me.owner) { try folder.remove(id) }
                let hint =
                    record.use == nil
                    ? "" : "; it was used: --revoke \(record.host) revokes what was issued for it"
                me.lines.append(
                    "token \(id) for \(record.host): " + (isRemoved ? "revoked\(hint)" : "was revoked before"))
                var entry = AuditLog.Entry(.tokenRevoked, host: record.host, at: me.now)
                entry.tokenID = id
                try acting(as: me.owner) { [entry] in try audit.append(entry) }
            }
        }
    }

    private mutating func tellRest(
        of host: String, _ tokens: TokenFolder, _ audit: AuditLog, _ marks: RevokedSerials
    ) throws {
        let (certificates, open) = try acting(as: owner) {
            var issued = IssuedCertificates(under: host)
            try issued.read(audit)
            let good = try issued.good(at: now).filter {
                try !issued.revoked.contains($0.serial) && !marks.contains($0.serial)
            }
            return (good.count, try tokens.all().count { $0.record.host == host && $0.record.end > now })
        }
        guard certificates + open > 0 else { return }
        lines.append(
            "\(host) still has certificates: \(certificates), tokens: \(open); --revoke \(host) is for all of them")
    }
}

extension Revocation {
    private mutating func list(_ certificates: [Certificate], in path: String?) throws {
        guard let path else {
            throw ProgramFailure(
                .configuration,
                [
                    "tls.crl: missing: the server renews these certificates no more, and takes them until they end: set "
                        + "'crl' in [tls], reload, and revoke once more"
                ])
        }
        // Who has linked it wants the file that the link leads to replaced.
        let file = try fileSystem.resolved(SourcePath(path)).map(\.description) ?? path
        guard try fileSystem.status(of: SourcePath(file))?.kind != .directory else {
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
        let new = try authority.revoke(serials: certificates.map(\.serial), path: file, numberMin: number)
        if let new {
            try fileSystem.replace(file, with: new.text, mode: 0o644, owner: try? fileSystem.ownerToKeep(of: file))
        }
        let added = Set(new?.added ?? [])
        for certificate in certificates {
            lines.append(
                "certificate \(certificate.serial) of \(certificate.host): "
                    + (added.contains(certificate.serial) ? "revoked in \(path)" : "was revoked before"))
        }
        if new != nil {
            lines.append("a server that has loaded this 'crl' refuses them within seconds: after setting it, reload")
        }
        try database?.note(revoked: certificates, at: now, listNumber: new?.number)
    }
}
