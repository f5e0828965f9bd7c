import Foundation
import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProtocol
import HamsterTLS
import HamsterTesting
import Testing

/// What a token can be had for, and how often; the requests are made with the `openssl` command.
struct RegistrarTests {
    private let scratch: ScratchDirectory
    private let authority: CertificateAuthority
    private let registrar: Registrar
    private let tokens: TokenFolder
    private let token: EnrollmentToken
    private let clock = ManualTime()
    private static let binding = [UInt8](repeating: 7, count: 32)

    /// Seconds since 1970, as the test sets them.
    private final class ManualTime: @unchecked Sendable {
        // Each test sets it between calls, in one task.
        var seconds = FileTime.now.seconds
    }

    init() async throws {
        scratch = try ScratchDirectory()
        authority = try await CertificateAuthority(in: scratch)
        let (certificate, key) = (authority.own.certificate, authority.own.key)
        registrar = try Registrar(
            EnrollmentConfiguration(authority: certificate, key: key),
            authority: IssuingAuthority(certificate: certificate, key: key), stateDirectory: scratch.path,
            fileSystem: LinuxFileSystem(), now: { [clock] in clock.seconds })
        tokens = try TokenFolder(stateDirectory: scratch.path, fileSystem: LinuxFileSystem())
        token = EnrollmentToken(host: "web1", rootDigest: try IssuingAuthority.rootDigest(certificate))
        try tokens.add(
            TokenRecord(
                host: "web1", verifier: token.verifier, created: clock.seconds, end: clock.seconds + 3_600),
            id: token.id)
    }

    private func enroll(_ request: [UInt8], binding: [UInt8] = Self.binding) throws(Reply) -> Registrar.Issue {
        let proof = token.proof(channelBinding: Self.binding, request: request)
        return try registrar.enroll(
            tokenID: token.id, proof: proof, request: request, channelBinding: binding, from: "10.0.0.1")
    }

    /// The code of the refusal; nil: there was none.
    private func refusal(_ work: () throws(Reply) -> Registrar.Issue) -> ReplyCode? {
        do {
            _ = try work()
            return nil
        } catch {
            return error.code
        }
    }

    private func request(_ arguments: [String], subject: String = "/CN=web1") async throws -> [UInt8] {
        let file = scratch("request.der")
        let process = try ChildProcess(
            "/usr/bin/openssl",
            ["req", "-new", "-nodes", "-keyout", scratch("k"), "-subj", subject, "-outform", "DER", "-out", file]
                + arguments, in: scratch)
        guard try await process.exitCode() == 0 else { throw TestingError(process.errors) }
        return Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    }

    private static let goodKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

    @Test(arguments: [
        (["-newkey", "rsa:1024"], "/CN=web1"),
        (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"], "/CN=web1"),
        (goodKey + ["-addext", "basicConstraints=critical,CA:TRUE"], "/CN=web1"),
        (goodKey + ["-addext", "subjectAltName=DNS:web1,DNS:web2"], "/CN=web1"),
        (goodKey + ["-addext", "subjectAltName=DNS:web1,IP:10.0.0.1"], "/CN=web1"),
        (goodKey, "/CN=web2"), (goodKey, "/CN=web1/CN=web2"),
    ])
    func `a good token gets nothing but a key for its host certified, and stays good`(
        arguments: [String], subject: String
    ) async throws {
        let bad = try await request(arguments, subject: subject)
        #expect(refusal { () throws(Reply) in try enroll(bad) } == .malformed)
        let good = try await request(Self.goodKey)
        #expect(refusal { () throws(Reply) in try enroll(good) } == nil)
    }

    @Test func `a proof is good on its own connection alone`() async throws {
        let good = try await request(Self.goodKey)
        let other = [UInt8](repeating: 8, count: 32)
        #expect(refusal { () throws(Reply) in try enroll(good, binding: other) } == .forbidden)
        #expect(refusal { () throws(Reply) in try enroll(good) } == nil)
    }

    @Test func `for one key a token is good ten times, for a host that loses the answers`() async throws {
        let good = try await request(Self.goodKey)
        for _ in 1...10 { #expect(refusal { () throws(Reply) in try enroll(good) } == nil) }
        #expect(refusal { () throws(Reply) in try enroll(good) } == .forbidden)
    }

    @Test func `of a token that somebody is revoking nobody gets a certificate meanwhile`() async throws {
        let good = try await request(Self.goodKey)
        let lock = try tokens.lock(patience: .seconds(1))
        async let outcome = withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: refusal { () throws(Reply) in try enroll(good) }) }
        }
        #expect(try tokens.remove(token.id))
        lock.release()
        #expect(await outcome == .forbidden)
        #expect(try tokens.all().isEmpty)
    }

    @Test func `a host may renew ten times an hour, and others as they like`() async throws {
        let good = try await request(Self.goodKey)
        func renew(_ host: String, _ request: [UInt8]) -> ReplyCode? {
            refusal { () throws(Reply) in
                try registrar.renew(request, host: host, previous: "0A", from: "10.0.0.1")
            }
        }
        for _ in 1...10 { #expect(renew("web1", good) == nil) }
        #expect(renew("web1", good) == .limitReached)
        #expect(renew("web2", try await request(Self.goodKey, subject: "/CN=web2")) == nil)
        clock.seconds += 3_600
        #expect(renew("web1", good) == nil)
        let audit = try AuditLog(stateDirectory: scratch.path, fileSystem: LinuxFileSystem()).entries().entries
        #expect(audit.count == 12 && audit.allSatisfy { $0.previous == "0A" })
    }

    @Test func `what is certified leads to the CA, also through another one and under a long name`() async throws {
        let host = (1...4).map { _ in String(repeating: "h", count: 60) }.joined(separator: ".")
        let (root, chain) = try intermediate()
        let issuing = try IssuingAuthority(certificate: chain.certificate, key: chain.key)
        let key = try PrivateKey.make()
        let asked = try CertificateRequest(CertificateRequest.make(for: host, key: key))
        let issued = try CertificateChain(issuing.issue(asked, host: host, life: 60).chain, name: "issued")
        try issued.require(key, host: host)
        try issued.requireTrust(by: root)
        #expect(throws: TLSError.self) { try issued.requireTrust(by: authority.certificate) }
        // And strictly, as another program sees it.
        let leaf = try scratch.write("leaf.pem", issued.text)
        let check = try ChildProcess(
            "/usr/bin/openssl",
            [
                "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, "-untrusted",
                chain.certificate, leaf,
            ], in: scratch)
        #expect(try await check.exitCode() == 0, "\(check.errors)")
    }

    /// A CA below another one: the root's file, and its certificate and the root's in one file, and its key.
    private func intermediate() throws -> (root: String, issuing: CertificateAuthority.Pair) {
        let (root, key, certificate) = (scratch("root.pem"), scratch("sub.key"), scratch("sub.pem"))
        let script = """
            set -e
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout '\(scratch("root.key"))' \
                -subj '/CN=Root' -addext keyUsage=critical,keyCertSign,cRLSign -days 2 -out '\(root)'
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout '\(key)' -subj '/CN=Sub' \
                -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
                -out '\(scratch("sub.csr"))'
            openssl x509 -req -in '\(scratch("sub.csr"))' -CA '\(root)' -CAkey '\(scratch("root.key"))' -copy_extensions copyall -days 2 -out '\(certificate)'
            cat '\(root)' >> '\(certificate)'
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw TestingError("no intermediate CA could be made") }
        return (root, CertificateAuthority.Pair(certificate: certificate, key: key))
    }
}
