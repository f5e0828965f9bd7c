import Foundation
import HamsterTesting
import Testing

/// Every kind of server by every kind of client's certificate by every version of TLS: who is served, and as whom.
///
/// The client is OpenSSL, and the server is the real program.
struct ClientsAreJudgedByTheirCertificatesTests {
    /// What a server asks of its clients: the columns of the table.
    private enum Setting: String, CaseIterable {
        case none, optional, bound, require

        /// For the server's `[tls]`.
        var lines: String {
            switch self {
            case .none: "client_auth = \"none\""
            case .optional: "client_auth = \"optional\""
            case .bound: "client_auth = \"optional\"\nbind_host = true"
            case .require: "client_auth = \"require\""
            }
        }
    }

    /// A name: served, and known by it; `-`: served, and known by none; 403: refused as the host that `INIT` names;
    /// another number: the TLS alert (RFC 8446, section 6.2), under TLS 1.2 / under TLS 1.3 where they differ.
    private static let table = """
        certificate          | none | optional | bound | require
        none                 | -    | -        | 403   | 40/116
        right                | -    | web1     | web1  | web1
        other CA             | -    | 48       | 48    | 48
        expired              | -    | 45       | 45    | 45
        not yet valid        | -    | 42       | 42    | 42
        revoked              | -    | 44       | 44    | 44
        wrong usage          | -    | 43       | 43    | 43
        wrong host           | -    | db1      | 403   | 403
        intermediate missing | -    | 48       | 48    | 48
        RSA 2048             | -    | web1     | web1  | web1
        P-384                | -    | web1     | web1  | web1
        Ed25519              | -    | web1     | web1  | web1
        4-deep chain         | -    | web1     | web1  | web1
        """

    /// The version is agreed on before anything else.
    private static let protocolVersionAlert = "70"

    @Test func `who is served is as the table says, and nobody else's bytes are stored`() async throws {
        let deployment = try await Deployment()
        let certificates = try await ClientCertificates(deployment)
        let expectations = Self.expectations()
        var served: Set<String> = []
        var cellCount = 0

        for setting in Setting.allCases {
            for minimum in [TLSConnection.Version.v12, .v13] {
                let server = try await start(setting, minimum, deployment, certificates)
                for kind in ClientCertificates.Kind.allCases {
                    for version in TLSConnection.Version.allCases {
                        cellCount += 1
                        let cell = "\(setting.rawValue)-\(minimum)-\(kind.rawValue)-\(version)".replacing(
                            " ", with: "_")
                        let expected =
                            version.isOlder(than: minimum)
                            ? Self.protocolVersionAlert : expectations[kind]?[setting]?.of(version)
                        let outcome = try await outcome(cell, version, certificates.pair(kind), deployment, server)
                        #expect(outcome == expected, "\(cell)")
                        if Int(outcome) == nil { served.insert("\(cell).log") }
                    }
                }
                #expect(try await server.terminate() == 0)
            }
        }

        #expect(cellCount == 4 * 2 * 13 * 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("stored")) == ["web1"])
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("stored/web1"))) == served)
    }

    private func start(
        _ setting: Setting, _ minimum: TLSConnection.Version, _ deployment: Deployment,
        _ certificates: ClientCertificates
    ) async throws -> ChildProcess {
        try await deployment.startServer(
            tls: """
                client_ca = "\(certificates.authorities)"
                crl = "\(certificates.revocations)"
                min_version = "\(minimum == .v12 ? "1.2" : "1.3")"
                \(setting.lines)
                """)
    }

    /// What comes of one connection that tries to send for web1, in the words of the table.
    private func outcome(
        _ cell: String, _ version: TLSConnection.Version, _ pair: CertificateAuthority.Pair?, _ deployment: Deployment,
        _ server: ChildProcess
    ) async throws -> String {
        do {
            let client = try await TLSConnection.greeted(port: deployment.port, version: version, as: pair)
            let reply = try await client.ask("INIT STREAM web1:/\(cell).log")
            guard reply == "200 OK Ready to accept data" else { return String(reply.prefix(3)) }
            try await client.finish()
            _ = try await client.linesUntilEnd()
            return try peer(of: client.streamID, in: server.errors)
        } catch let refused as TLSConnection.Refused {
            return refused.alert.map { "\($0)" } ?? "closed without an alert"
        }
    }

    /// The name by which the server knew the client of a stream.
    private func peer(of streamID: String, in log: String) throws -> String {
        let line = log.split(separator: "\n").first { $0.contains("stream opened") && $0.contains(streamID) }
        return String(try #require(line?.firstMatch(of: /peer=(\S+)/)).1)
    }

    private struct Expectation {
        var underTLS12: String
        var underTLS13: String

        func of(_ version: TLSConnection.Version) -> String {
            switch version {
            case .v11, .v12: underTLS12
            case .v13: underTLS13
            }
        }
    }

    private static func expectations() -> [ClientCertificates.Kind: [Setting: Expectation]] {
        let rows = table.split(separator: "\n").map { row in
            row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        var expectations: [ClientCertificates.Kind: [Setting: Expectation]] = [:]
        for row in rows.dropFirst() {
            guard let kind = ClientCertificates.Kind(rawValue: row[0]) else { continue }
            for (name, cell) in zip(rows[0], row).dropFirst() {
                guard let setting = Setting(rawValue: name) else { continue }
                let versions = cell.split(separator: "/").map(String.init)
                expectations[kind, default: [:]][setting] = Expectation(
                    underTLS12: versions[0], underTLS13: versions[versions.count - 1])
            }
        }
        return expectations
    }
}

extension TLSConnection.Version {
    fileprivate func isOlder(than other: Self) -> Bool {
        guard let own = Self.allCases.firstIndex(of: self), let other = Self.allCases.firstIndex(of: other) else {
            return false
        }
        return own < other
    }
}
