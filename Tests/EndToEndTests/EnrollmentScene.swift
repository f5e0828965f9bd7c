import Foundation
import HamsterTesting
import Testing

/// A server that gives out certificates, and the commands of both sides.
final class EnrollmentScene: Sendable {
    typealias Result = (exitCode: Int32, output: String, errors: String)

    nonisolated(unsafe) let deployment: Deployment
    private let authority: CertificateAuthority

    init(sharingCAOf other: EnrollmentScene? = nil) async throws {
        deployment = try await Deployment()
        authority = other?.authority ?? deployment.authority
        try write()
    }

    /// Replaces the server's configuration.
    func write(_ lines: String = "", tls: String = "") throws {
        try deployment.writeServerConfiguration(tls: mutual(tls), extra: table(lines))
    }

    private func mutual(_ tls: String) -> String { "client_ca = \"\(deployment.authority.certificate)\"\n\(tls)" }

    private func table(_ lines: String) -> String {
        "[enroll]\nca = \"\(authority.certificate)\"\nkey = \"\(authority.own.key)\"\n\(lines)"
    }

    func startServer(_ lines: String = "", tls: String = "") async throws -> ChildProcess {
        try await deployment.startServer(tls: mutual(tls), extra: table(lines))
    }

    /// Ships files of the scratch folder with what a host has got.
    func client(_ folder: String, _ files: [String]) throws -> ChildProcess {
        try deployment.start(
            "loghamsterc",
            ["--config", deployment.scratch("\(folder)/client.toml"), "--state", deployment.scratch("state")]
                + files.map { deployment.scratch($0) })
    }

    func serial(of file: String) async throws -> String { try await serial(ofPath: deployment.scratch(file)) }

    func serial(ofPath path: String) async throws -> String {
        let output = try await openssl(["x509", "-in", path, "-noout", "-serial"]).output
        return output.replacing("serial=", with: "").trimmingCharacters(in: .newlines)
    }

    /// The CA's, as text.
    func revocationList() async throws -> String {
        try await openssl(["crl", "-in", deployment.authority.revocations, "-noout", "-text"]).output
    }

    /// What the server gives for a certificate of web1, with its key.
    func renewed(from pair: CertificateAuthority.Pair, as name: String) async throws -> CertificateAuthority.Pair {
        let request = try await request("/CN=web1")
        let answer = try await ask("RENEW", request: request, as: pair)
        guard let begin = answer.firstRange(of: "-----BEGIN CERTIFICATE-----") else { throw TestingError(answer) }
        let key = deployment.scratch("\(name).key")
        try FileManager.default.moveItem(atPath: deployment.scratch("request.key"), toPath: key)
        let certificate = try deployment.scratch.write("\(name).pem", String(answer[begin.lowerBound...]))
        return CertificateAuthority.Pair(certificate: certificate, key: key)
    }

    func server(_ arguments: [String]) async throws -> Result {
        try await run("loghamsterd", ["enroll", "--config", deployment.scratch("server.toml")] + arguments)
    }

    /// As ``server(_:)``, where no file of more than half a MiB can be written.
    func serverWithSmallFiles(_ arguments: [String]) async throws -> Result {
        let program = try Repository.program("loghamsterd")
        let process = try ChildProcess(
            "/bin/sh",
            ["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh", program, "enroll"]
                + ["--config", deployment.scratch("server.toml")] + arguments, in: deployment.scratch)
        return (try await process.exitCode(), process.output, process.errors)
    }

    func token(for host: String, _ arguments: [String] = []) async throws -> String {
        let result = try await server([host] + arguments)
        guard result.exitCode == 0 else { throw TestingError(result.errors) }
        return result.output.trimmingCharacters(in: .newlines)
    }

    func enroll(
        _ token: String, in folder: String, _ arguments: [String] = [], port: Int? = nil
    ) async throws -> Result {
        try await run(
            "loghamsterc",
            ["enroll", "--dir", deployment.scratch(folder)] + arguments
                + ["127.0.0.1:\(port ?? deployment.port)", token])
    }

    func openssl(_ arguments: [String]) async throws -> Result {
        let process = try ChildProcess("/usr/bin/openssl", arguments, in: deployment.scratch)
        return (try await process.exitCode(), process.output, process.errors)
    }

    /// A certificate request in hexadecimal, as it goes over the wire.
    func request(
        _ subject: String, _ arguments: [String] = [], key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    ) async throws -> String {
        let file = deployment.scratch("request.der")
        let result = try await openssl(
            ["req", "-new", "-newkey"] + key + [
                "-nodes", "-keyout", deployment.scratch("request.key"), "-subj", subject, "-outform", "DER", "-out",
                file,
            ] + arguments)
        guard result.exitCode == 0 else { throw TestingError(result.errors) }
        return try Data(contentsOf: URL(fileURLWithPath: file)).map { String(format: "%02x", $0) }.joined()
    }

    /// What the server says to a request, sent by the `openssl` command.
    func ask(_ word: String, request: String, as pair: CertificateAuthority.Pair?) async throws -> String {
        let line = try deployment.scratch.write("line", "\(word) request:\(request)\n")
        let own = pair.map { "-cert '\($0.certificate)' -key '\($0.key)'" } ?? ""
        let command = """
            openssl s_client -quiet -connect 127.0.0.1:\(deployment.port) -alpn loghamster-enroll/1 \
                -CAfile '\(authority.certificate)' \(own) < '\(line)'
            """
        let process = try ChildProcess("/bin/sh", ["-c", command], in: deployment.scratch)
        _ = try await process.exitCode()
        return process.output + process.errors
    }

    func mode(of name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: deployment.scratch(name))
        return try #require(attributes[.posixPermissions] as? Int)
    }

    func file(_ name: String) -> URL { URL(fileURLWithPath: deployment.scratch(name)) }

    private func run(_ program: String, _ arguments: [String]) async throws -> Result {
        let process = try deployment.start(program, arguments)
        return (try await process.exitCode(), process.output, process.errors)
    }
}
