import Foundation
import Synchronization

/// Certificates for one test, made with the `openssl` command in a temporary folder that goes away with this object.
final class TestPKI: Sendable {
    /// What a certificate is to be.
    struct Request {
        var subject = "/CN=web1"
        /// As in `subjectAltName`, such as `DNS:web1,IP:127.0.0.1`; empty: none.
        var names = "DNS:web1"
        var usage = "serverAuth,clientAuth"
        var notBefore = Date(timeIntervalSinceNow: -3600)
        var notAfter = Date(timeIntervalSinceNow: 86_400)
        var isCA = false
    }

    struct Issued: Sendable {
        var certificate: String
        var key: String
    }

    let folder: String
    /// A CA that tests trust.
    let ca: Issued

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        ca = try Self.makeCA("ca", "/CN=Test CA", in: folder)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    func makeCA(_ name: String, subject: String) throws -> Issued {
        try Self.makeCA(name, subject, in: folder)
    }

    /// Issues a certificate and its key; `issuer` is the trusted CA when nil.
    func issue(_ name: String, _ request: Request = Request(), by issuer: Issued? = nil) throws -> Issued {
        let issued = Issued(certificate: path("\(name).pem"), key: path("\(name).key"))
        let issuer = issuer ?? ca
        var extensions = "basicConstraints=critical,CA:\(request.isCA ? "TRUE" : "FALSE")\n"
        extensions += "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        if !request.isCA { extensions += "extendedKeyUsage=\(request.usage)\n" }
        if !request.names.isEmpty { extensions += "subjectAltName=\(request.names)\n" }
        let settings = path("\(name).cnf")
        try """
        [ca]
        default_ca = this
        [this]
        database = \(settings).index
        new_certs_dir = \(folder)
        rand_serial = yes
        unique_subject = no
        default_md = sha256
        policy = any
        [any]
        commonName = optional
        [extensions]
        \(extensions)
        """.write(toFile: settings, atomically: true, encoding: .utf8)
        try Data().write(to: URL(fileURLWithPath: "\(settings).index"))
        try Self.makeKey(issued.key)
        try openssl([
            "req", "-new", "-key", issued.key, "-subj", request.subject, "-out", path("\(name).csr"),
        ])
        try openssl([
            "ca", "-batch", "-notext", "-config", settings, "-extensions", "extensions", "-in", path("\(name).csr"),
            "-out", issued.certificate, "-cert", issuer.certificate, "-keyfile", issuer.key,
            "-startdate", Self.stamp(request.notBefore), "-enddate", Self.stamp(request.notAfter),
        ])
        return issued
    }

    /// Writes a revocation list of the trusted CA, valid until `nextUpdate`, which holds `revoked`.
    func revocationList(
        _ name: String, revoking revoked: [Issued], lastUpdate: Date = Date(timeIntervalSinceNow: -7200),
        nextUpdate: Date
    ) throws -> String {
        let settings = path("\(name).cnf")
        try "[ca]\ndefault_ca = this\n[this]\ndatabase = \(settings).index\ndefault_md = sha256\n"
            .write(toFile: settings, atomically: true, encoding: .utf8)
        try Data().write(to: URL(fileURLWithPath: "\(settings).index"))
        let signing = ["-config", settings, "-cert", ca.certificate, "-keyfile", ca.key]
        for issued in revoked { try openssl(["ca", "-revoke", issued.certificate] + signing) }
        try openssl(
            ["ca", "-gencrl", "-out", path("\(name).crl")] + signing + [
                "-crl_lastupdate", Self.stamp(lastUpdate),
                "-crl_nextupdate", Self.stamp(nextUpdate),
            ])
        return path("\(name).crl")
    }

    private static func makeCA(_ name: String, _ subject: String, in folder: String) throws -> Issued {
        let issued = Issued(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        try makeKey(issued.key)
        try openssl([
            "req", "-x509", "-new", "-key", issued.key, "-subj", subject, "-days", "2", "-out", issued.certificate,
        ])
        return issued
    }

    private static func makeKey(_ path: String) throws {
        try openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path])
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    private static func stamp(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMddHHmmss'Z'"
        return formatter.string(from: date)
    }
}

/// A command that ended with an error.
struct CommandFailed: Error {
    var output: String
}

/// Held while pipes are made and a process is begun: one that begins in between would inherit the pipes, and whoever
/// waits for their end would wait for that process too.
let spawning = Mutex(())

/// Runs `openssl` to its end.
@discardableResult
func openssl(_ arguments: [String]) throws -> String {
    let process = Process()
    let output = try spawning.withLock { _ in
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return output
    }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CommandFailed(output: text) }
    return text
}
