import Foundation
import HamsterTesting
import Testing

/// A host that is killed between any two steps of getting a certificate has the old pair or the new one, never half of one.
/// strace(1) kills it where it begins a system call.
@Suite(
    .enabled("strace is not installed, or may not look at programs: none can be killed at a system call") {
        await TracedProcess.isPossible()
    })
struct HostsAreKilledWhileTheyEnrollTests {
    @Test(arguments: Place.allCases)
    func `a first enrolment goes on where it was killed`(place: Place) async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        for step in place.steps {
            let (folder, token) = ("host-\(step)", try await scene.token(for: "web9"))
            let kill = try await scene.kill(step, place, in: folder)
            #expect(try await scene.enroll(token, in: folder, at: kill).exitCode == 128 + SIGKILL, "\(step)")
            _ = try await scene.wholeSerial(in: folder)

            let again = try await scene.enroll(token, in: folder)

            #expect(again.exitCode == 0, "\(step): \(again.errors)")
            try await scene.requireFinished(folder)
        }
    }

    /// The folders are there then, and the configuration is the operator's.
    @Test(arguments: [Place.pendingKey, .authority, .identity, .identityFolder])
    func `an enrolment over another one keeps the old pair until the new one is there`(place: Place) async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        for step in place.steps where step != .mkdir {
            let (old, token) = (try await scene.wholeSerial(in: "host"), try await scene.token(for: "web9"))
            let kill = try await scene.kill(step, place, in: "host")
            let killed = try await scene.enroll(token, in: "host", ["--force"], at: kill)
            #expect(killed.exitCode == 128 + SIGKILL, "\(step)")
            let isNew = place == .identityFolder || step == .unlink
            #expect((try await scene.wholeSerial(in: "host") != old) == isNew, "\(step)")

            let again = try await scene.enroll(token, in: "host", ["--force"])

            #expect(again.exitCode == 0, "\(step): \(again.errors)")
            #expect(try await scene.wholeSerial(in: "host") != old)
            try await scene.requireFinished("host")
        }
    }

    /// What `loghamsterc enroll` changes. The steps that are left out are those before which all is as before the next one.
    enum Place: String, CaseIterable {
        case folder, pendingKey, authority, identity, identityFolder, configuration

        fileprivate var steps: [Kill.Step] {
            let replacement: [Kill.Step] = [.openat, .fchmod, .write, .fdatasync, .rename]
            return switch self {
            case .folder: [.mkdir]
            case .identityFolder: [.mkdir, .fsync]
            case .pendingKey: replacement + [.unlink]
            case .authority, .identity, .configuration: replacement
            }
        }

        fileprivate func path(_ step: Kill.Step, tokenID: String) -> String {
            let suffix = step == .unlink ? "" : ".new"
            return switch self {
            case .folder: ""
            case .identityFolder: "/identity"
            case .pendingKey: "/\(tokenID).key.pending\(suffix)"
            case .authority: "/ca.pem\(suffix)"
            case .identity: "/identity/client.pem\(suffix)"
            case .configuration: "/client.toml\(suffix)"
            }
        }
    }

    @Test(arguments: [Kill.Step.fchmod, .write, .fdatasync, .rename, .fsync])
    func `a running client that is killed as it renews does so at its next start`(step: Kill.Step) async throws {
        let scene = try await EnrollmentScene()
        _ = try await scene.startServer()
        #expect(try await scene.enroll(try await scene.token(for: "web9"), in: "host").exitCode == 0)
        let old = try await scene.makeRenewalDue(in: "host")
        let (path, log) = (scene.deployment.scratch("host/identity"), scene.deployment.scratch("source/a.log"))
        try scene.deployment.scratch.write("source/a.log", "one\n")
        let arguments = ["--config", scene.deployment.scratch("host/client.toml"), log]
        let kill = Kill(step, at: step == .fsync ? path : "\(path)/client.pem.new")

        #expect(try await scene.start(arguments, kill).exitCode() == 128 + SIGKILL)

        // Of the new pair nothing is left to do but to make it last.
        let isNew = step == .fsync
        let kept = try await scene.wholeSerial(in: "host")
        #expect((kept != old) == isNew)
        let client = try scene.deployment.start("loghamsterc", arguments)
        if !isNew { try await client.waitForError("certificate is renewed") }
        try scene.deployment.scratch.append("source/a.log", "two\n")
        try await eventually("the file of web9") {
            scene.deployment.stored("a.log", host: "web9") == Array("one\ntwo\n".utf8)
        }
        let serial = try await scene.wholeSerial(in: "host")
        #expect(serial != old && (serial == kept) == isNew)
        #expect(try await client.terminate() == 0)
        #expect(try scene.files(in: "host/identity") == ["client.pem"])
    }
}

/// Where a program is killed: as it begins a system call, which is not made any more.
struct Kill {
    enum Step: String {
        case mkdir, openat, fchmod, write, fdatasync, rename, fsync, unlink
    }

    private static let program = "/usr/bin/strace"

    private let step: Step
    private let path: String

    /// At the first call that concerns this file: strace counts each thread's calls for itself, and none is to be left out.
    init(_ step: Step, at path: String) {
        self.step = step
        self.path = path
    }

    /// Starts the program; also if this test ends first, it does not stay.
    func start(_ program: String, _ arguments: [String], in scratch: ScratchDirectory) throws -> ChildProcess {
        try ChildProcess(
            Self.program,
            [
                "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(step)", "-e",
                "inject=\(step):signal=SIGKILL:when=1", "-P", path, "setpriv", "--pdeathsig", "KILL", program,
            ] + arguments, in: scratch)
    }
}

extension EnrollmentScene {
    /// For the one token that was not used yet.
    fileprivate func kill(
        _ step: Kill.Step, _ place: HostsAreKilledWhileTheyEnrollTests.Place, in folder: String
    ) async throws -> Kill {
        let id = try #require(
            try await server(["--list"]).output.split(separator: "\n").first { $0.contains(" open") }?.prefix(16))
        return Kill(step, at: deployment.scratch(folder) + place.path(step, tokenID: String(id)))
    }

    fileprivate func enroll(
        _ token: String, in folder: String, _ arguments: [String] = [], at kill: Kill
    ) async throws -> Result {
        let process = try start(
            ["enroll", "--dir", deployment.scratch(folder)] + arguments + ["127.0.0.1:\(deployment.port)", token], kill)
        return (try await process.exitCode(), process.output, process.errors)
    }

    fileprivate func start(_ arguments: [String], _ kill: Kill) throws -> ChildProcess {
        try kill.start(try Repository.program("loghamsterc"), arguments, in: deployment.scratch)
    }

    /// Of the host's certificate; nil: there is none. Fails where it is not that of the key beside it.
    fileprivate func wholeSerial(in folder: String) async throws -> String? {
        let name = "\(folder)/identity/client.pem"
        guard FileManager.default.fileExists(atPath: deployment.scratch(name)) else { return nil }
        let ofCertificate = try await openssl(["x509", "-in", deployment.scratch(name), "-noout", "-pubkey"])
        let ofKey = try await openssl(["pkey", "-in", deployment.scratch(name), "-pubout"])
        #expect(ofCertificate.exitCode == 0 && ofKey.exitCode == 0, "\(ofCertificate.errors)\(ofKey.errors)")
        #expect(ofCertificate.output == ofKey.output)
        #expect(try mode(of: name) == 0o600)
        return try await serial(of: name)
    }

    /// Fails unless the host can send, and nothing is left of what was interrupted.
    fileprivate func requireFinished(_ folder: String) async throws {
        #expect(try await wholeSerial(in: folder) != nil)
        #expect(
            try files(in: folder).filter { !$0.hasPrefix("state") } == [
                "ca.pem", "client.toml", "identity", "identity/client.pem",
            ])
        try deployment.scratch.write("source/a.log", "one\n")
        let process = try deployment.start(
            "loghamsterc",
            ["send", "--config", deployment.scratch("\(folder)/client.toml"), deployment.scratch("source/a.log")])
        #expect(try await process.exitCode() == 0, "\(process.errors)")
    }

    fileprivate func files(in folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: deployment.scratch(folder)).sorted()
    }

    /// Puts a certificate in place that has lived six of its seven parts; returns its serial.
    fileprivate func makeRenewalDue(in folder: String) async throws -> String {
        let pair = try await deployment.authority.client(
            "web9", arguments: ["--not-before", "6 hours ago", "--not-after", "1 hour"])
        let identity = try [pair.key, pair.certificate].map { try String(contentsOfFile: $0, encoding: .utf8) }.joined()
        try Data(identity.utf8).write(to: file("\(folder)/identity/client.pem"))
        return try await serial(of: "\(folder)/identity/client.pem")
    }
}
