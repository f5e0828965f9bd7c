import Foundation
import HamsterTesting
import Testing

/// A server under attack by a host with a valid certificate, and another host's stream, which must not notice.
final class Siege {
    let deployment: Deployment
    let server: ChildProcess
    private let bystander: TLSConnection
    private let block = logText(bytes: 30_000)
    private var sent = 0
    private let filesBefore: Set<String>
    private let peakBefore: Int

    /// `tls`, `root` and `extra` are lines for the server's configuration.
    init(root: String = "", tls: String = "", extra: String = "") async throws {
        deployment = try await Deployment()
        server = try await deployment.startServer(
            root: root, tls: "client_ca = \"\(deployment.authority.certificate)\"\n\(tls)", extra: extra)
        let pair = try await deployment.authority.client("honest")
        bystander = try await TLSConnection.greeted(port: deployment.port, as: pair)
        try await bystander.open("honest:/honest.log ack:1 file:honest offset:0")
        filesBefore = try Self.files(deployment)
        peakBefore = try Self.peakMemory(server)
        try await goOn()
    }

    /// The attacker's connection, greeted, with the certificate of web1.
    func attacker(_ version: TLSConnection.Version = .v13, receiveBytes: Int? = nil) async throws -> TLSConnection {
        try await TLSConnection.greeted(
            port: deployment.port, version: version, as: deployment.clientPair, receiveBytes: receiveBytes)
    }

    /// The other host sends, and hears its acknowledgement.
    func goOn() async throws {
        try await bystander.send(block)
        sent += block.count
        while try await bystander.line() != "ACK \(sent)" {}
    }

    /// What holds after every attack: the server lives, the other host's bytes are all there, and nobody else's are in its
    /// folder; nothing was written elsewhere; the log is lines of text; memory has not grown by more than `megabytes`.
    func expectNoHarm(
        hosts: Set<String> = ["web1"], megabytes: Int = 96, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await goOn()
        #expect(server.isRunning, sourceLocation: sourceLocation)
        let folders = Set(try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("stored")))
        #expect(folders.isSubset(of: hosts.union(["honest"])), sourceLocation: sourceLocation)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("stored/honest")) == ["honest.log"],
            sourceLocation: sourceLocation)
        let isWhole = deployment.scratch.contents("stored/honest/honest.log")?.count == sent
        #expect(isWhole, sourceLocation: sourceLocation)
        #expect(try Self.files(deployment) == filesBefore, sourceLocation: sourceLocation)
        let isText = server.errors.utf8.allSatisfy { $0 == 10 || (0x20...0x7E).contains($0) }
        #expect(isText, "the log has bytes that are no text", sourceLocation: sourceLocation)
        guard !isSanitized else {
            // In the open, since it is left out: a sanitizer keeps what was freed, and surrounds all that is there.
            print("memory is not counted under a sanitizer")
            return
        }
        let grown = try Self.peakMemory(server) - peakBefore
        #expect(grown < megabytes << 10, "memory has grown by \(grown) KiB", sourceLocation: sourceLocation)
    }

    /// The files that are no output, no state of the server, and no file of a test's process.
    private static func files(_ deployment: Deployment) throws -> Set<String> {
        let all = FileManager.default.subpaths(atPath: deployment.scratch.path) ?? []
        let isProcess = { (name: String) in name.hasSuffix(".stdout") || name.hasSuffix(".stderr") }
        return Set(all.filter { !$0.hasPrefix("stored/") && !$0.hasPrefix("server-state/") && !isProcess($0) })
    }

    /// The most memory that the process ever held, in KiB.
    private static func peakMemory(_ process: ChildProcess) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)
        return try #require(status.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) })
    }
}
