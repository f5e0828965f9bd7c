import Foundation
import HamsterTesting
import Testing

/// What a host with a valid certificate gets whose TLS 1.3 breaks the rules, one at a time: tlslite-ng, a TLS library in
/// Python, is the client (Tests/strangers/hostile-handshakes.py).
struct HandshakesBreakTheRulesTests {
    /// Numbers are alerts (RFC 8446, section 6.2). What is closed without an alert has ended itself, was no TLS, or has let
    /// the deadline pass; served is what the standard allows.
    private static let table = """
        nothing wrong: served
        hello in records of one byte: served
        silence: closed
        random bytes: closed
        record of an unknown type: alert 10
        record longer than any may be: alert 22
        empty records without end: alert 10
        change_cipher_spec without end: alert 10
        data before the handshake: alert 10
        Finished in place of the hello: alert 10
        alert in place of the hello: alert 10
        hello of 16 MB announced: alert 47
        extension twice: alert 47
        no key share: alert 109
        no groups: alert 109
        no signature algorithms: alert 109
        key share of zeros: alert 47
        key share that is no point: alert 47
        key share too short: alert 47
        key share of a group that is not offered: alert 47
        extension longer than the hello: alert 47
        early data announced: served
        early data sent: alert 50
        certificate chain of 200 KB: alert 47
        no certificate: alert 116
        no proof of the key: alert 10
        wrong proof of the key: alert 51
        wrong Finished: alert 51
        no Finished: closed
        data in place of Finished: alert 10
        alert in place of Finished: closed
        end in place of Finished: closed
        unencrypted data afterwards: alert 20
        unencrypted alert afterwards: alert 10
        empty data records without end: alert 10
        a second hello: alert 10
        a ticket for the server: alert 10
        a second Finished: alert 10
        key update of an unknown kind: alert 47
        unknown alert: closed
        """

    @Test(.enabled(if: isInstalled, "tlslite-ng is not installed (scripts/setup test)"))
    func `each ends in an alert or a closed connection, and nobody else notices`() async throws {
        let siege = try await Siege(extra: "[limits]\nhandshake_timeout = \"4s\"")
        let pair = siege.deployment.clientPair

        let client = try ChildProcess(
            "/usr/bin/env",
            [
                "python3", "\(Repository.root)/Tests/strangers/hostile-handshakes.py", "\(siege.deployment.port)",
                pair.certificate, pair.key,
            ], in: siege.deployment.scratch, environment: Self.environment)

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        let outcomes = client.output.split(separator: "\n")
        let expected = Self.table.split(separator: "\n")
        #expect(outcomes.count == expected.count)
        for (outcome, expected) in zip(outcomes, expected) { #expect(outcome == expected) }
        try await siege.expectNoHarm(hosts: [])
    }

    /// The protocol (ALPN) decides whether a certificate is required, and is said twice where the server asks for a second
    /// ClientHello.
    @Test func `who asks for enrolment first and for a stream then is not let in without a certificate`() async throws {
        let deployment = try await Deployment()
        let authority = deployment.authority
        let file = try deployment.writeServerConfiguration(
            extra: "[enroll]\nca = \"\(authority.certificate)\"\nkey = \"\(authority.own.key)\"")
        let groups = try deployment.scratch.write(
            "openssl.cnf",
            """
            openssl_conf = all
            [all]
            ssl_conf = ssl
            [ssl]
            system_default = default
            [default]
            Groups = P-256
            """)
        let server = try deployment.start(
            "loghamsterd", ["--config", file], environment: ["OPENSSL_CONF": groups])
        try await server.waitForError("listening address=127.0.0.1:\(deployment.port)")

        let client = try ChildProcess(
            "/usr/bin/env",
            ["python3", "\(Repository.root)/Tests/strangers/changing-hello.py", "\(deployment.port)"],
            in: deployment.scratch)

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        #expect(
            client.output.split(separator: "\n")
                == ["loghamster-enroll/1 2 welcomed", "loghamster/1 2 refused", "none 2 refused"], "\(client.output)")
        #expect(server.isRunning)
    }

    /// Where scripts/setup puts what the system has no package of.
    private static let environment = ["PYTHONPATH": "\(Repository.root)/.build/python"]

    private static let isInstalled = FileManager.default.fileExists(
        atPath: "\(Repository.root)/.build/python/tlslite/__init__.py")
}
