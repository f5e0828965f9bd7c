import Foundation
import HamsterTesting
import Testing

/// A new host gets its certificate with one command on each side.
struct HostsEnrollTests {
    @Test func `from a token to the first stored file`() async throws {
        let scene = try await EnrollmentScene()
        // Made before the server runs, and while it is down.
        let token = try await scene.token(for: "web9")
        let server = try await scene.startServer()
        try await server.killNow()
        _ = try await scene.startServer()

        let host = try await scene.enroll(token, in: "host")

        #expect(host.exitCode == 0, "\(host.errors)")
        #expect(try scene.mode(of: "host/identity") == 0o700)
        #expect(try scene.mode(of: "host/identity/client.pem") == 0o600)
        let identity = scene.deployment.scratch("host/identity/client.pem")
        let verification = try await scene.openssl([
            "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", scene.deployment.scratch("host/ca.pem"),
            identity,
        ])
        #expect(verification.output.contains("OK"), "\(verification.errors)")
        let text = try await scene.openssl(["x509", "-in", identity, "-noout", "-text"]).output
        #expect(text.contains("DNS:web9\n"))
        #expect(text.contains("CA:FALSE"))
        #expect(!text.contains("TLS Web Server Authentication"))

        try scene.deployment.scratch.write("source/a.log", Array("one\n".utf8))
        // All that the client needs is in its folder, also its state.
        _ = try scene.deployment.start(
            "loghamsterc",
            ["--config", scene.deployment.scratch("host/client.toml"), scene.deployment.scratch("source/a.log")])
        try await eventually("the file of web9") {
            scene.deployment.stored("a.log", host: "web9") == Array("one\n".utf8)
        }
        #expect(FileManager.default.fileExists(atPath: scene.deployment.scratch("host/state/status.socket")))

        let audit = try await scene.server(["--audit", "--json"])
        #expect(audit.output.contains("\"event\":\"enrolled\",\"host\":\"web9\""))
        #expect(try await scene.server(["--list"]).output.contains("used at"))
        #expect(!audit.output.contains(token))
    }

    @Test func `running it twice does no harm`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let token = try await scene.token(for: "web9")
        #expect(try await scene.enroll(token, in: "host").exitCode == 0)
        let identity = try Data(contentsOf: scene.file("host/identity/client.pem"))
        try "# mine\n".append(to: scene.deployment.scratch("host/client.toml"))

        let again = try await scene.enroll(token, in: "host")

        #expect(again.exitCode == 0)
        #expect(again.errors.contains("has its certificate already"))
        #expect(try Data(contentsOf: scene.file("host/identity/client.pem")) == identity)
        #expect(try String(contentsOf: scene.file("host/client.toml"), encoding: .utf8).hasSuffix("# mine\n"))

        let other = try await scene.enroll(try await scene.token(for: "db1"), in: "host")
        #expect(other.exitCode == 1)
        #expect(other.errors.contains("give --force"))
        #expect(try Data(contentsOf: scene.file("host/identity/client.pem")) == identity)

        // The configuration is the operator's own, and speaks of another host.
        let forced = try await scene.enroll(try await scene.token(for: "db1"), in: "host", ["--force"])
        #expect(forced.exitCode == 1)
        #expect(forced.errors.contains("it doesn't use the new certificate"))
        #expect(forced.errors.contains("hostname = \"db1\""))
        #expect(try Data(contentsOf: scene.file("host/identity/client.pem")) != identity)
    }

    @Test func `a token that is used, expired, revoked or unknown gets one and the same answer`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let used = try await scene.token(for: "web9")
        #expect(try await scene.enroll(used, in: "first").exitCode == 0)
        let expired = try await scene.token(for: "web8", ["--valid", "1s"])
        let revoked = try await scene.token(for: "web7")
        let id = try #require(
            try await scene.server(["--list"]).output.split(separator: "\n").first { $0.contains("web7") }?
                .prefix(16))
        #expect(try await scene.server(["--revoke", String(id)]).exitCode == 0)
        #expect(try await scene.server(["--revoke", String(id)]).exitCode == 1)
        try await eventually("the token to expire") {
            try await scene.server(["--list"]).output.contains("expired")
        }

        var answers: Set<String> = []
        for (index, token) in [used, expired, revoked].enumerated() {
            let host = try await scene.enroll(token, in: "other\(index)")
            #expect(host.exitCode == 1)
            answers.insert(host.errors)
            #expect(
                !FileManager.default.fileExists(atPath: scene.deployment.scratch("other\(index)/identity/client.pem")))
        }
        #expect(answers.count == 1, "\(answers)")
        #expect(answers.first?.contains("403 this token is not good here") == true)
    }

    @Test func `of two hosts with one token exactly one gets a certificate`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        for round in 0..<3 {
            let token = try await scene.token(for: "web\(round)")
            async let first = scene.enroll(token, in: "one\(round)")
            async let second = scene.enroll(token, in: "two\(round)")
            let codes = try await [first.exitCode, second.exitCode].sorted()
            #expect(codes == [0, 1])
        }
    }

    @Test func `a host that lost the answer comes again with its key and the same token`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let token = try await scene.token(for: "web9")
        let id = try #require(try await scene.server(["--list"]).output.split(separator: "\n").last?.prefix(16))
        let (identity, pending) = ("host/identity/client.pem", "host/\(id).key.pending")
        try FileManager.default.createDirectory(
            atPath: scene.deployment.scratch("host/identity"), withIntermediateDirectories: true)
        let key = scene.deployment.scratch("kept.key")
        _ = try await scene.openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
        chmod(key, 0o600)
        for _ in 0..<2 {
            // As after a kill between the server's answer and the writing of it.
            if FileManager.default.fileExists(atPath: scene.deployment.scratch(identity)) {
                try FileManager.default.removeItem(atPath: scene.deployment.scratch(identity))
            }
            try FileManager.default.copyItem(atPath: key, toPath: scene.deployment.scratch(pending))
            let host = try await scene.enroll(token, in: "host")
            #expect(host.exitCode == 0, "\(host.errors)")
            #expect(!FileManager.default.fileExists(atPath: scene.deployment.scratch(pending)))
        }
        let audit = try await scene.server(["--audit", "--json"]).output
        #expect(audit.components(separatedBy: "\"event\":\"enrolled\"").count == 3)
    }

    @Test func `a server with another CA is told nothing and trusted nothing`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let token = try await scene.token(for: "web9")
        let impostor = try await EnrollmentScene()
        _ = try await impostor.startServer()

        let host = try await impostor.enroll(token, in: "host")

        #expect(host.exitCode == 1)
        #expect(host.errors.contains("doesn't show the CA whose fingerprint is in the token"))
        #expect(!FileManager.default.fileExists(atPath: impostor.deployment.scratch("host/ca.pem")))
        // It was not even asked.
        #expect(try await impostor.server(["--audit"]).output.isEmpty)
        #expect(try await scene.enroll(token, in: "host").exitCode == 0)
    }

    @Test func `five failures close the door to an address, also for a good token`() async throws {
        let scene = try await EnrollmentScene()
        let server = try await scene.startServer()
        let other = try await EnrollmentScene(sharingCAOf: scene)
        for index in 0..<5 {
            // Of the same CA, and unknown to this server.
            let token = try await other.token(for: "web\(index)")
            #expect(try await scene.enroll(token, in: "bad\(index)").errors.contains("403 "))
        }
        let good = try await scene.token(for: "web9")
        let host = try await scene.enroll(good, in: "host")
        #expect(host.exitCode == 69)
        #expect(host.errors.contains("429 too many attempts from your address"))
        #expect(server.isRunning)
    }

    @Test func `on an address of its own nothing else is served, and elsewhere no token is taken`() async throws {
        let scene = try await EnrollmentScene()
        let port = try ReservedPort()
        _ = try await scene.startServer("listen = \"127.0.0.1:\(port.number)\"")
        let token = try await scene.token(for: "web9")

        let elsewhere = try await scene.enroll(token, in: "host")
        #expect(elsewhere.errors.contains("it requires one, and we sent none"), "\(elsewhere.errors)")
        let host = try await scene.enroll(token, in: "host", port: port.number)
        #expect(host.exitCode == 0, "\(host.errors)")
        try scene.deployment.scratch.write("source/a.log", Array("one\n".utf8))
        _ = try scene.client("host", ["source/a.log"])
        try await eventually("the file of web9") {
            scene.deployment.stored("a.log", host: "web9") == Array("one\n".utf8)
        }

        let stranger = try await scene.openssl([
            "s_client", "-connect", "127.0.0.1:\(port.number)", "-quiet", "-CAfile",
            scene.deployment.authority.certificate,
        ])
        #expect(stranger.output.contains("403 this address is for enrolment alone"))
    }

    @Test func `a server that gives out none says so`() async throws {
        let scene = try await EnrollmentScene()
        let token = try await scene.token(for: "web9")
        _ = try await scene.deployment.startServer()
        let host = try await scene.enroll(token, in: "host")
        #expect(host.exitCode == 1)
        #expect(host.errors.contains("403 this server gives out no certificates: set [enroll]"))
    }

    @Test func `a configuration that was never in use makes way`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let sample = try String(contentsOfFile: "\(Repository.root)/deploy/examples/client.toml", encoding: .utf8)
            .replacing("/etc/loghamster/", with: scene.deployment.scratch("nowhere/"))
        try FileManager.default.createDirectory(
            atPath: scene.deployment.scratch("host"), withIntermediateDirectories: true)
        try scene.deployment.scratch.write("host/client.toml", sample)
        let host = try await scene.enroll(try await scene.token(for: "web9"), in: "host")
        #expect(host.exitCode == 0, "\(host.errors)")
        #expect(try String(contentsOf: scene.file("host/client.toml.old"), encoding: .utf8) == sample)
        #expect(try String(contentsOf: scene.file("host/client.toml"), encoding: .utf8).contains("renew = true"))
    }

    @Test(arguments: ["nonsense", "lhe1_", "lhe1_AAAA", ""])
    func `what is no token is said to be none`(text: String) async throws {
        let scene = try await EnrollmentScene()
        let host = try await scene.enroll(text, in: "host")
        #expect(host.exitCode == 64)
        #expect(host.errors.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: scene.deployment.scratch("host")))
    }

    @Test func `who shows a certificate of the CA gets the next one, for the same host`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer("valid = \"1h\"")
        let own = scene.deployment.clientPair

        let answer = try await scene.ask("RENEW", request: try await scene.request("/CN=web1"), as: own)

        #expect(answer.contains("200 OK Certificate issued certificate:"))
        let issued = try scene.deployment.scratch.write("issued.pem", answer.pem)
        let text = try await scene.openssl(["x509", "-in", issued, "-noout", "-text"]).output
        #expect(text.contains("DNS:web1\n"))
        #expect(try await scene.openssl(["x509", "-in", issued, "-noout", "-checkend", "3500"]).exitCode == 0)
        #expect(try await scene.openssl(["x509", "-in", issued, "-noout", "-checkend", "3700"]).exitCode == 1)
        #expect(try await scene.server(["--audit"]).output.contains("renewed"))
    }

    @Test func `who shows none, or one of several names or of another CA, gets none`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let request = try await scene.request("/CN=web1")
        #expect(try await scene.ask("RENEW", request: request, as: nil).contains("403 RENEW needs the certificate"))
        let double = try await scene.deployment.authority.client("web2", arguments: ["web3"])
        #expect(try await scene.ask("RENEW", request: request, as: double).contains("403 certificates of other CAs"))
        let other = try await CertificateAuthority(in: scene.deployment.scratch, name: "other")
        let foreign = try await other.client("web1")
        #expect(!(try await scene.ask("RENEW", request: request, as: foreign).contains("200 ")))
    }

    @Test func `certificates of 30 s are renewed again and again under load, and nothing is lost`() async throws {
        let scene = try await EnrollmentScene()
        let server = try await scene.startServer("valid = \"30s\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let identity = try Data(contentsOf: scene.file("host/identity/client.pem"))
        let (log, still) = (scene.deployment.scratch("source/a.log"), scene.deployment.scratch("source/still.log"))
        try Data("one\n".utf8).write(to: URL(fileURLWithPath: still))
        let writer = try SteadyWriter(log, seed: 1)
        let client = try scene.deployment.start(
            "loghamsterc",
            [
                "--config", scene.deployment.scratch("host/client.toml"), "--state", scene.deployment.scratch("state"),
                log,
                still,
            ])

        try await client.waitForError("certificate is renewed", times: 3)
        let written = try await writer.stop()

        try await eventually("all of web9") { scene.deployment.stored("a.log", host: "web9") == written }
        try "two\n".append(to: still)
        try await eventually("the quiet file") {
            scene.deployment.stored("still.log", host: "web9") == Array("one\ntwo\n".utf8)
        }
        #expect(try Data(contentsOf: scene.file("host/identity/client.pem")) != identity)
        #expect(try scene.mode(of: "host/identity/client.pem") == 0o600)
        #expect(!client.errors.contains("certificate has ended"))
        #expect(!server.errors.contains("level=error"))
        #expect(try await scene.server(["--audit", "--json"]).output.components(separatedBy: "renewed").count > 3)
        #expect(try await client.terminate() == 0)
    }

    @Test func `a renewal that can't be written is not asked for again, and the next target serves`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer("valid = \"15s\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let configuration = scene.file("host/client.toml")
        let text = try String(contentsOf: configuration, encoding: .utf8)
        // Nobody listens at the first address.
        let dead = "127.0.0.2:\(scene.deployment.port)"
        try text.replacing(
            "hostname = \"127.0.0.1\"\nport = \(scene.deployment.port)",
            with: "hosts = [\"\(dead)\", \"127.0.0.1:\(scene.deployment.port)\"]"
        ).write(to: configuration, atomically: true, encoding: .utf8)
        // In the way of the file that is written before it is renamed.
        let obstacle = scene.deployment.scratch("host/identity/client.pem.new")
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        let old = try Data(contentsOf: scene.file("host/identity/client.pem"))
        let serial = try await scene.serial(of: "host/identity/client.pem")
        try scene.deployment.scratch.write("source/a.log", Array("one\n".utf8))
        let client = try scene.client("host", ["source/a.log"])

        try await client.waitForError("certificate is not renewed, and will be tried again")
        #expect(try Data(contentsOf: scene.file("host/identity/client.pem")) == old)
        try FileManager.default.removeItem(atPath: obstacle)
        try await client.waitForError("certificate is renewed")
        let audit = try await scene.server(["--audit", "--json"]).output
        #expect(audit.components(separatedBy: "\"renewed\"").count == 2, "\(audit)")
        #expect(audit.contains("\"previous\":\"\(serial)\""), "\(audit)")
        // Nobody else takes the renewed file for a change, until the next one.
        try await client.waitForError("certificate is renewed", times: 2)
        try await client.waitForError("certificates are reloaded", times: 2)
        #expect(client.errors.components(separatedBy: "certificates are reloaded").count == 3)
    }

    @Test func `how long is for a token alone`() async throws {
        let scene = try await EnrollmentScene()
        let result = try await scene.server(["--list", "--valid", "1h"])
        #expect(result.exitCode == 64 && result.errors.contains("--valid is for a token that is made"))
    }

    @Test func `who slept past the end is told how to enrol anew`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer("valid = \"10s\"")
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let identity = scene.deployment.scratch("host/identity/client.pem")
        try await eventually("the certificate to end") {
            // Its last second is its own.
            try await scene.openssl(["x509", "-in", identity, "-noout", "-checkend", "-1"]).exitCode == 1
        }

        let client = try scene.deployment.start(
            "loghamsterc",
            ["--config", scene.deployment.scratch("host/client.toml"), "--state", scene.deployment.scratch("state")])

        #expect(try await client.exitCode() == 78)
        #expect(client.errors.contains("run 'loghamsterd enroll' on the server, and 'loghamsterc enroll --force' here"))
        let again = try await scene.enroll(try await scene.token(for: "web9"), in: "host", ["--force"])
        #expect(again.exitCode == 0, "\(again.errors)")
    }

    @Test func `renewal can be switched off`() async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer("renew = false")
        let answer = try await scene.ask(
            "RENEW", request: try await scene.request("/CN=web1"), as: scene.deployment.clientPair)
        #expect(answer.contains("403 this server renews no certificates"))
    }

    @Test(arguments: BadRequest.allCases)
    func `nothing but a key for the one host is certified`(kind: BadRequest) async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        let request = try await kind.request(scene)
        let answer = try await scene.ask("RENEW", request: request, as: scene.deployment.clientPair)
        #expect(answer.contains("\(kind == .oversized ? 413 : 400) "), "\(answer)")
        #expect(!answer.contains("BEGIN CERTIFICATE"))
        #expect(try await scene.server(["--audit"]).output.isEmpty)
    }

    enum BadRequest: String, CaseIterable {
        case otherHost, furtherName, authority, weakKey, oddCurve, foreignSignature, cutOff, trailing, noRequest,
            oversized

        fileprivate func request(_ scene: EnrollmentScene) async throws -> String {
            let good = try await scene.request("/CN=web1")
            switch self {
            case .otherHost: return try await scene.request("/CN=web2")
            case .furtherName:
                return try await scene.request("/CN=web1", ["-addext", "subjectAltName=DNS:web1,DNS:web2"])
            case .authority:
                return try await scene.request("/CN=web1", ["-addext", "basicConstraints=critical,CA:TRUE"])
            case .weakKey: return try await scene.request("/CN=web1", key: ["rsa:1024"])
            case .oddCurve:
                return try await scene.request("/CN=web1", key: ["ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"])
            case .foreignSignature:
                // The last byte is the signature's.
                return good.dropLast(2) + (good.hasSuffix("00") ? "01" : "00")
            case .cutOff: return String(good.dropLast(20))
            case .trailing: return good + "00"
            case .noRequest: return "00ff"
            case .oversized: return String(repeating: "00", count: 5_000)
            }
        }
    }

    @Test func `without a CA in the configuration the command says what to set`() async throws {
        let deployment = try await Deployment()
        let file = try deployment.writeServerConfiguration()
        let process = try deployment.start("loghamsterd", ["enroll", "--config", file, "web9"])
        #expect(try await process.exitCode() == 78)
        #expect(process.errors.contains("set 'ca' and 'key' in [enroll]"))
    }
}

extension String {
    /// The first certificate in it.
    fileprivate var pem: String {
        guard let start = range(of: "-----BEGIN CERTIFICATE-----"), let end = range(of: "-----END CERTIFICATE-----")
        else { return "" }
        return self[start.lowerBound..<end.upperBound] + "\n"
    }

    func append(to path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(utf8))
        try handle.close()
    }
}
