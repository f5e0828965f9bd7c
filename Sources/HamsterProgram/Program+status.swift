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

    /// In the colour of the warnings that the log has.
    private static func timeLeft(of credential: JSON, _ now: Int64) -> TextTable.Cell {
        guard case .integer(let end) = credential["not_after"] else { return .init(TextTable.nothing) }
        let left = end - Int(now)
        guard left > 0 else { return .init("expired", .error) }
        let days = left / 86_400
        return .init("\(days)", days < 7 ? .error : days < 30 ? .warning : .plain)
    }
}
