import Foundation
import HamsterTesting
import Testing

/// What becomes of tokens and certificates that got into the wrong hands.
struct HostsAreRevokedTests {
    @Test func `all that is out for a host is revoked by its name`() async throws {
        let scene = try await EnrollmentScene()
        let authority = scene.deployment.authority
        _ = try await scene.startServer(tls: "crl = \"\(authority.revocations)\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "again").exitCode == 0)
        #expect(try await scene.enroll(try await scene.token(for: "web8"), in: "other").exitCode == 0)
        let open = try await scene.token(for: "web9")

        let revoked = try await scene.server(["--revoke", "web9"])

        #expect(revoked.exitCode == 0, "\(revoked.errors)")
        #expect(revoked.output.split(separator: "\n").count == 6, "\(revoked.output)")
        let text = try await scene.openssl(["crl", "-in", authority.revocations, "-noout", "-text"]).output
        for (folder, isRevoked) in [("host", true), ("again", true), ("other", false)] {
            let serial = try await scene.serial(of: "\(folder)/identity/client.pem")
            #expect(text.contains("Serial Number: \(serial)") == isRevoked)
        }
        #expect(try await scene.enroll(open, in: "late").errors.contains("this token is not good here"))
        // Nor is a used one good for its key any more.
        #expect(!(try await scene.server(["--list"]).output.contains("web9")))
        let unknown = try await scene.server(["--revoke", "web7"])
        #expect(unknown.exitCode == 1 && unknown.errors.contains("no token, no serial, and no host"))
    }

    @Test func `with its host a certificate is revoked that was made elsewhere and renewed here, at once`() async throws
    {
        let scene = try await EnrollmentScene()
        let authority = scene.deployment.authority
        _ = try await scene.startServer(tls: "crl = \"\(authority.revocations)\"")
        let own = scene.deployment.clientPair
        let request = try await scene.request("/CN=web1")
        #expect(try await scene.ask("RENEW", request: request, as: own).contains("200 OK"))

        #expect(try await scene.server(["--revoke", "web1"]).exitCode == 0)

        // Whether or not the server has read the list by now.
        let answer = try await scene.ask("RENEW", request: request, as: own)
        #expect(!answer.contains("200 OK"), "\(answer)")
        let text = try await scene.openssl(["crl", "-in", authority.revocations, "-noout", "-text"]).output
        #expect(text.components(separatedBy: "Serial Number:").count == 3, "\(text)")
        let check = try await scene.openssl([
            "verify", "-crl_check", "-CAfile", authority.certificate, "-CRLfile", authority.revocations,
            own.certificate,
        ])
        #expect(check.errors.contains("certificate revoked"))
    }

    @Test func `a certificate that was issued can be revoked by its serial, and stays so`() async throws {
        let scene = try await EnrollmentScene()
        let authority = scene.deployment.authority
        let server = try await scene.startServer(tls: "crl = \"\(authority.revocations)\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        #expect(try await scene.enroll(try await scene.token(for: "web8"), in: "other").exitCode == 0)
        let serial = try await scene.serial(of: "host/identity/client.pem")
        try scene.deployment.scratch.write("source/a.log", Array("one\n".utf8))
        let client = try scene.client("host", ["source/a.log"])
        try await eventually("the file of web9") {
            scene.deployment.stored("a.log", host: "web9") == Array("one\n".utf8)
        }

        let revoked = try await scene.server(["--revoke", serial])

        #expect(revoked.exitCode == 0, "\(revoked.errors)")
        try await server.waitForError("was revoked")
        try "two\n".append(to: scene.deployment.scratch("source/a.log"))
        try await client.waitForError("the server refused our certificate: certificate revoked")
        // Of two CAs' tools neither forgets what the other has revoked.
        try await authority.revoke("web1")
        #expect(
            try await scene.server(["--revoke", try await scene.serial(of: "other/identity/client.pem")]).exitCode == 0)
        let text = try await scene.openssl(["crl", "-in", authority.revocations, "-noout", "-text"]).output
        #expect(text.components(separatedBy: "Serial Number:").count == 4, "\(text)")
        #expect(text.contains("Serial Number: \(serial)"))
        let check = try await scene.openssl([
            "verify", "-crl_check", "-CAfile", authority.certificate, "-CRLfile", authority.revocations,
            scene.deployment.scratch("host/identity/client.pem"),
        ])
        #expect(check.errors.contains("certificate revoked"))
        #expect(try await scene.server(["--revoke", serial]).output.contains("was revoked before"))
        #expect(try await scene.server(["--audit"]).output.contains("certificate revoked"))
    }

    @Test func `the certificate from before the first renewal is revoked also when that one has ended`() async throws {
        let scene = try await EnrollmentScene()
        let authority = scene.deployment.authority
        _ = try await scene.startServer("valid = \"10s\"", tls: "crl = \"\(authority.revocations)\"")
        let own = scene.deployment.clientPair
        let first = try await scene.renewed(from: own, as: "first")
        _ = try await scene.renewed(from: first, as: "second")
        try await eventually("the first renewal to end") {
            try await scene.openssl(["x509", "-in", first.certificate, "-noout", "-checkend", "-1"]).exitCode == 1
        }

        #expect(try await scene.server(["--revoke", "web1"]).exitCode == 0)

        let list = try await scene.revocationList()
        #expect(list.contains("Serial Number: \(try await scene.serial(ofPath: own.certificate))"), "\(list)")
        #expect(!list.contains("Serial Number: \(try await scene.serial(ofPath: first.certificate))"), "\(list)")
    }

    @Test func `a certificate that was renewed here is revoked by its serial, and what else is good is told`()
        async throws
    {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer(tls: "crl = \"\(scene.deployment.authority.revocations)\"")
        let own = scene.deployment.clientPair
        _ = try await scene.renewed(from: own, as: "first")
        _ = try await scene.token(for: "web1")

        let revoked = try await scene.server(["--revoke", try await scene.serial(ofPath: own.certificate)])

        #expect(revoked.exitCode == 0, "\(revoked.errors)")
        #expect(
            revoked.output.contains("web1 still has certificates: 1, tokens: 1; --revoke web1 is for all"),
            "\(revoked.output)")
    }

    @Test func `a server that knows of no list yet renews no certificate that is revoked`() async throws {
        let scene = try await EnrollmentScene()
        let server = try await scene.startServer()
        let own = scene.deployment.clientPair
        let stolen = try await scene.renewed(from: own, as: "stolen")
        try scene.write("", tls: "crl = \"\(scene.deployment.authority.revocations)\"")

        #expect(try await scene.server(["--revoke", "web1"]).exitCode == 0)

        let request = try await scene.request("/CN=web1")
        for pair in [own, stolen] {
            let answer = try await scene.ask("RENEW", request: request, as: pair)
            #expect(answer.contains("403 the certificate is revoked"), "\(answer)")
        }
        server.send(signal: SIGHUP)
        try await server.waitForError("configuration is reloaded")
    }

    @Test func `also without a list no certificate that is revoked is renewed`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let own = scene.deployment.clientPair
        let stolen = try await scene.renewed(from: own, as: "stolen")

        let revoked = try await scene.server(["--revoke", "web1"])

        #expect(revoked.exitCode == 78 && revoked.errors.contains("tls.crl: missing"), "\(revoked.errors)")
        let answer = try await scene.ask("RENEW", request: try await scene.request("/CN=web1"), as: stolen)
        #expect(answer.contains("403 the certificate is revoked"), "\(answer)")
    }

    @Test func `what can't be noted is revoked all the same, and noted by the next try`() async throws {
        let scene = try await EnrollmentScene()
        let authority = scene.deployment.authority
        _ = try await scene.startServer(tls: "crl = \"\(authority.revocations)\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let serial = try await scene.serial(of: "host/identity/client.pem")
        // Empty lines, up to where the limit below lets nothing be appended.
        let audit = scene.deployment.scratch("server-state/enroll/audit.jsonl")
        try String(repeating: "\n", count: 1 << 20).append(to: audit)

        let first = try await scene.serverWithSmallFiles(["--revoke", serial])

        #expect(first.exitCode == 74 && first.errors.contains("audit.jsonl"), "\(first)")
        #expect(try await scene.revocationList().contains("Serial Number: \(serial)"))
        let index = "\(URL(fileURLWithPath: authority.certificate).deletingLastPathComponent().path)/db/index.txt"
        #expect(try String(contentsOfFile: index, encoding: .utf8).contains(serial))
        #expect(!(try await scene.server(["--audit"]).output.contains("certificate revoked")))
        let second = try await scene.server(["--revoke", serial])
        #expect(second.exitCode == 0 && second.output.contains("was revoked before"), "\(second)")
        _ = try await scene.server(["--revoke", serial])
        let entries = try await scene.server(["--audit"]).output
        #expect(entries.components(separatedBy: "certificate revoked").count == 2, "\(entries)")
    }

    @Test func `a damaged line is named until it is mended, and half a line is none`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer(tls: "crl = \"\(scene.deployment.authority.revocations)\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let audit = scene.deployment.scratch("server-state/enroll/audit.jsonl")
        let serial = try await scene.serial(of: "host/identity/client.pem")
        try #"{"time":17000000"#.appending("\n").append(to: audit)
        #expect(try await scene.server(["--revoke", serial]).exitCode == 0)
        try #"{"time":"?"}"#.appending("\n").append(to: audit)
        let count = try String(contentsOfFile: audit, encoding: .utf8).split(separator: "\n").count

        let named = try await scene.server(["--revoke", serial])

        #expect(named.exitCode == 1, "\(named)")
        #expect(named.errors.contains("audit.jsonl: line \(count) can't be read"), "\(named.errors)")
        #expect(named.output.contains("was revoked before"))
        // No token can be in it.
        let open = try await scene.token(for: "web7")
        let id = try #require(
            try await scene.server(["--list"]).output.split(separator: "\n").first { $0.contains("web7") }?.prefix(16))
        #expect(try await scene.server(["--revoke", String(id)]).exitCode == 0)
        #expect(try await scene.enroll(open, in: "late").errors.contains("this token is not good here"))
    }

    @Test func `a list behind a link is replaced where it is`() async throws {
        let scene = try await EnrollmentScene()
        let list = scene.deployment.authority.revocations
        let link = scene.deployment.scratch("linked.pem")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: list)
        let server = try await scene.startServer(tls: "crl = \"\(link)\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let serial = try await scene.serial(of: "host/identity/client.pem")
        try scene.deployment.scratch.write("source/a.log", Array("one\n".utf8))
        _ = try scene.client("host", ["source/a.log"])
        try await eventually("the file of web9") {
            scene.deployment.stored("a.log", host: "web9") == Array("one\n".utf8)
        }

        #expect(try await scene.server(["--revoke", serial]).exitCode == 0)

        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == list)
        #expect(try await scene.revocationList().contains("Serial Number: \(serial)"))
        try await server.waitForError("was revoked")
    }
}
