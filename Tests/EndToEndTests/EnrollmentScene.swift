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

    private func write(_ lines: String = "") throws {
        try deployment.writeServerConfiguration(extra: table(lines))
    }

    private func table(_ lines: String) -> String {
        "[enroll]\nca = \"\(authority.certificate)\"\nkey = \"\(authority.own.key)\"\n\(lines)"
    }

    func startServer(_ lines: String = "", tls: String = "") async throws -> ChildProcess {
        try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\n\(tls)", extra: table(lines))
    }

    /// Ships files of the scratch folder with what a host has got.
    func client(_ folder: String, _ files: [String]) throws -> ChildProcess {
        try deployment.start(
            "loghamsterc",
            ["--config", deployment.scratch("\(folder)/client.toml"), "--state", deployment.scratch("state")]
                + files.map { deployment.scratch($0) })
    }

    func serial(of file: String) async throws -> String {
        let output = try await openssl(["x509", "-in", deployment.scratch(file), "-noout", "-serial"]).output
        return output.replacing("serial=", with: "").trimmingCharacters(in: .newlines)
    }

    func server(_ arguments: [String]) async throws -> Result {
        try await run("loghamsterd", ["enroll", "--config", deployment.scratch("server.toml")] + arguments)
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
