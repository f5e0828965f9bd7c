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
    package static func certificates(of document: JSON, now: Int64) -> String {
        var table = TextTable(["CERTIFICATE", "DAYS LEFT", "NAME", "FILE"])
        for credential in document["certificates"]?.elements ?? [] {
            var days = "-"
            if case .integer(let end) = credential["not_after"] {
                let left = end - Int(now)
                days = left > 0 ? "\(left / 86_400)" : "expired"
            }
            table.add([
                credential["role"]?.text ?? "-", days, credential["name"]?.text ?? "-", credential["file"]?.text ?? "-",
            ])
        }
        return table.isEmpty ? "" : table.text
    }
}
