internal import Glibc
package import HamsterStatus
package import HamsterTLS

extension Program {
    /// What a status document says of the program itself; `started` in Unix seconds.
    package static func statusHead(_ name: String, started: Int64) -> [JSON.Member] {
        [
            .init("program", .string(name)), .init("version", .string(version)), .init("pid", .number(getpid())),
            .init("started", .number(started)),
        ]
    }

    /// What a status document says of the certificates and revocation lists in use.
    package static func status(of credentials: [CredentialValidity]) -> JSON.Member {
        .init(
            "certificates",
            .array(
                credentials.map { credential in
                    .object([
                        .init("role", .string(credential.role.name)), .init("file", .string(credential.path)),
                        .init("name", .string(credential.name)),
                        .init("not_before", .number(credential.notBefore)),
                        .init("not_after", credential.notAfter == .max ? .null : .number(credential.notAfter)),
                    ])
                }))
    }

    /// The table of ``status(of:)`` for people; empty where there are none. `now` in Unix seconds.
    package static func certificates(of document: JSON, now: Int64, _ presentation: Presentation) -> String {
        var table = TextTable(
            [
                .init("CERTIFICATE"), .init("DAYS LEFT", isNumber: true), .init("NAME", fitting: .end),
                .init("FILE", fitting: .middle),
            ], presentation)
        for credential in document["certificates"]?.elements ?? [] {
            table.add([
                .init(credential.word("role")), timeLeft(of: credential, now), .init(credential.word("name")),
                .init(credential.word("file")),
            ])
        }
        return table.text
    }

    /// In a colour where the log has spoken of it.
    private static func timeLeft(of credential: JSON, _ now: Int64) -> TextTable.Cell {
        guard case .integer(let end) = credential["not_after"] else { return .init(TextTable.nothing) }
        let days = "\((end - Int(now)) / 86_400)"
        switch ExpiryReminder.urgency(of: CredentialValidity(credential, notAfter: Int64(end)), at: now) {
        case .none: return .init(days)
        case .soon: return .init(days, .warning)
        case .pressing: return .init(days, .error)
        case .expired: return .init("expired", .error)
        }
    }
}

extension CredentialValidity {
    /// As a status document has it. A program of an older version gives no beginning: it counts as long ago.
    fileprivate init(_ member: JSON, notAfter: Int64) {
        let role = Role.allCases.first { .string($0.name) == member["role"] }
        self.init(
            role: role ?? .own, path: member.word("file"), name: member.word("name"),
            notBefore: Int64(member.number("not_before")), notAfter: notAfter)
    }
}
