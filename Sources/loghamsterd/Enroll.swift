import ArgumentParser
import HamsterConfiguration
import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProgram
import HamsterProtocol
import HamsterServer
import HamsterStatus
import HamsterStore
import HamsterTLS

/// `loghamsterd enroll HOST --config F`: lets a new host ask for its certificate.
struct Enroll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a token with which a new host gets its certificate, once.",
        usage: """
            loghamsterd enroll --config <file> [--valid <time>] <host>
            loghamsterd enroll --config <file> --list [--json]
            loghamsterd enroll --config <file> --revoke <token-id, serial or host>
            loghamsterd enroll --config <file> --audit [--json]
            """,
        discussion: """
            The token goes to the new host: 'loghamsterc enroll SERVER:PORT TOKEN'. Whoever has it first is that host, so \
            send it as you would a password. The server need not run, nor be restarted.
            """)

    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("How long the token can be used, such as 30m, 1h or 2d.", valueName: "time"))
    var valid: String?

    @Flag(help: "List the tokens that were made.")
    var list = false

    @Option(
        help: ArgumentHelp(
            "Make a token worthless, revoke the certificate with this serial, or both for all that is out for a host.",
            valueName: "token-id, serial or host"))
    var revoke: String?

    @Flag(help: "Show what was issued and revoked, and for whom.")
    var audit = false

    @Flag(help: "For programs: one JSON document a line.")
    var json = false

    @Argument(help: ArgumentHelp("The host as it will send: the name in its certificate.", valueName: "host"))
    var host: String?

    func validate() throws {
        let asked = [host != nil, list, revoke != nil, audit].count { $0 }
        guard asked == 1 else { throw ValidationError("expected one of HOST, --list, --revoke or --audit") }
        guard host != nil || valid == nil else {
            throw ValidationError("--valid is for a token that is made: give HOST")
        }
        if let host, !StreamSource.isHostName(Array(host.utf8)) {
            throw ValidationError(
                "'\(printable(host.utf8))' is no host: 1 to 253 of A-Z a-z 0-9 . _ -, not . or - first")
        }
    }

    func run() async throws {
        let settings = try options.settings(LogHamsterDaemon.program)
        guard let enrollment = settings.server.enrollment else {
            throw ProgramFailure(
                .configuration, ["enroll.ca: missing: nobody can enrol: set 'ca' and 'key' in [enroll]"])
        }
        let (directory, fileSystem) = (settings.server.store.stateDirectory, LinuxFileSystem())
        // The server may not have run yet.
        try fileSystem.makeDirectory(directory, mode: 0o750)
        let rootDigest = try IssuingAuthority.rootDigest(enrollment.authority)
        let life = try life()
        let owner = try fileSystem.ownerToKeep(of: directory)
        if let revoke {
            var revocation = Revocation(of: revoke, enrollment, in: directory, owner: owner)
            defer { revocation.lines.forEach { print($0) } }
            return try revocation.run(list: settings.server.tls?.crl)
        }
        let text = try acting(as: owner) {
            let desk = try EnrollmentDesk(directory)
            if let host { return try desk.makeToken(for: host.lowercased(), life: life, rootDigest: rootDigest) + "\n" }
            return try list ? desk.tokenList(asJSON: json) : desk.auditText(asJSON: json)
        }
        print(text, terminator: "")
    }

    private func life() throws -> Int64 {
        let text = valid ?? "1h"
        guard let duration = Quantity.duration(text), (1...(366 * 86_400)).contains(duration.components.seconds) else {
            throw ProgramFailure(.usage, ["--valid \(text): expected a time from 1s to 366d, such as 1h"])
        }
        return duration.components.seconds
    }
}
