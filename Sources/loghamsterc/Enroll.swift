import ArgumentParser
import Glibc
import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterProgram
import HamsterProtocol
import HamsterTLS

/// `loghamsterc enroll SERVER:PORT TOKEN`: gets this host its certificate.
struct Enroll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Get this host its certificate, with a token that the server has made for it.",
        usage: """
            loghamsterc enroll [--dir <directory>] [--force] <host:port> [<token>]
            """,
        discussion: """
            Makes a key, which never leaves this host, asks the server to certify it, and writes key, certificate, CA and a \
            first configuration. Nothing is trusted but the CA whose fingerprint is in the token. Run it again where it was \
            interrupted.
            """)

    /// Where the installed service looks.
    private static let serviceDirectory = "/etc/loghamster"

    @Option(help: ArgumentHelp("Where the files go.", valueName: "directory"), completion: .directory)
    var dir = Self.serviceDirectory

    @Option(
        help: ArgumentHelp(
            "The user that the client runs as, who gets the key; default: in /etc/loghamster for root loghamsterc, where "
                + "there is one, elsewhere who runs this.",
            valueName: "user"))
    var user: String?

    @Flag(help: "Replace a key and certificate that are there.")
    var force = false

    @Argument(help: ArgumentHelp("The server.", valueName: "host:port"))
    var server: String

    @Argument(
        help: ArgumentHelp(
            "The token; without it, it is read from standard input, where no other user sees it.", valueName: "token"))
    var token: String?

    func run() async throws {
        let token = try readToken()
        guard let place = HostAndPort(server, defaultPort: 7_007), place.port > 0 else {
            throw ProgramFailure(.usage, ["\(printable(server.utf8)): expected the server as in log.example.com:7007"])
        }
        let program = LogHamsterCommand.program
        let directory = SourcePath(dir.hasPrefix("/") ? dir : "\(program.defaults.workingDirectory)/\(dir)").normalized
        let folder = HostFolder(directory.description, owner: try owner(), fileSystem: LinuxFileSystem())
        try folder.make()
        try requireRoot(folder, token)
        if try isEnrolled(folder, token.host) {
            say("\(folder.identity): \(token.host) has its certificate already, nothing was asked for")
            try writeConfiguration(folder, server: place.host, port: place.port, host: token.host, program)
        } else {
            try await enroll(token, at: place, folder, program)
        }
        try requireUse(of: folder, host: token.host, program)
        let service = isService ? "systemctl enable --now loghamsterc, or " : ""
        say("ready: \(service)loghamsterc --config \(folder.configuration)")
        // Last: the token is this key's, and until here the same command ends what was interrupted, also with --force.
        try folder.removePendingKeys()
    }

    private var isService: Bool { SourcePath(dir).normalized == SourcePath(Self.serviceDirectory) }

    /// Throws where other CAs are trusted than the token's.
    private func requireRoot(_ folder: HostFolder, _ token: EnrollmentToken) throws {
        guard try folder.has(folder.root), !force, try !CertificateChain(path: folder.root).contains(token.rootDigest)
        else { return }
        throw ProgramFailure(
            .failed, ["\(folder.root): it holds other CAs than the token's: give --force to replace it"])
    }

    private func readToken() throws -> EnrollmentToken {
        let text = token ?? readLine(strippingNewline: true) ?? ""
        guard let token = EnrollmentToken(text.trimmingSpaces) else {
            // Not quoted: most of it may be right.
            throw ProgramFailure(
                .usage, ["token: it is cut off or mistyped: copy what 'loghamsterd enroll' has printed, all of it"])
        }
        return token
    }

    /// Nil: who runs this.
    private func owner() throws -> FileOwner? {
        guard geteuid() == 0 else {
            guard user == nil else { throw ProgramFailure(.permission, ["--user: only root can give files away"]) }
            return nil
        }
        guard let user else { return isService ? FileOwner(user: "loghamsterc") : nil }
        if let owner = FileOwner(user: user) { return owner }
        throw ProgramFailure(.usage, ["--user \(printable(user.utf8)): the system knows no such user"])
    }

    /// Whether there is a certificate for this host that is good. Throws where something else is in its place.
    private func isEnrolled(_ folder: HostFolder, _ host: String) throws -> Bool {
        guard try folder.has(folder.identity), !force else { return false }
        let chain = try CertificateChain(path: folder.identity)
        let isGood = chain.names == [host] && chain.notAfter > FileTime.now.seconds
        guard isGood, chain.fits(try PrivateKey(path: folder.identity)) else {
            throw ProgramFailure(
                .failed,
                [
                    "\(folder.identity): it is a certificate for \(chain.names.joined(separator: ", ")) until "
                        + "\(FileTime.utc(chain.notAfter)): give --force to replace it and its key"
                ])
        }
        return true
    }

    private func enroll(
        _ token: EnrollmentToken, at place: HostAndPort, _ folder: HostFolder, _ program: Program
    ) async throws {
        let key = try folder.keyToAskFor(tokenID: token.id)
        let answer = try await ask(token, at: place, key)
        let chain = try CertificateChain(answer.chain, name: "the server's answer")
        try chain.require(key, host: token.host)
        // Nothing that stands beside it is trusted.
        guard let root = try CertificateChain(answer.root, name: "the server's answer").text(of: token.rootDigest)
        else {
            throw ProgramFailure(.failed, ["the server's answer: its CA is not the token's: nothing was written"])
        }
        // What the identity needs is there before it.
        if try force || !folder.has(folder.root) { try folder.write(root, to: folder.root) }
        // Only the answer says which port streams go to: it is written down while the certificate can still be asked for.
        try writeConfiguration(
            folder, server: place.host, port: answer.streamPort ?? place.port, host: token.host, program)
        let text = chain.text
        try acting(as: owner()) { try folder.install(key, chain: text) }
        say("\(folder.identity): certificate of \(token.host) until \(FileTime.utc(chain.notAfter)), with its key")
    }

    private func ask(
        _ token: EnrollmentToken, at place: HostAndPort, _ key: PrivateKey
    ) async throws -> EnrollmentExchange.Answer {
        let request = try CertificateRequest.make(for: token.host, key: key)
        var tls = TLSClientConfiguration(serverName: place.host)
        tls.pinnedAuthority = token.rootDigest
        let target = ClientConfiguration.Target(host: place.host, port: place.port, tls: tls)
        do {
            return try await EnrollmentExchange.ask(target, timeout: .seconds(10)) { handshake in
                .enroll(
                    tokenID: token.id,
                    proof: token.proof(channelBinding: handshake.channelBinding, request: request), request: request)
            }
        } catch let error as ClientError {
            throw ProgramFailure(error.isLasting ? .failed : .unavailable, ["\(target.description): \(error)"])
        }
    }

    private func writeConfiguration(
        _ folder: HostFolder, server: String, port: Int, host: String, _ program: Program
    ) throws {
        if try folder.has(folder.configuration) {
            // One whose certificate does not exist was never in use: the sample of a package.
            let settings = try settings(folder, program)
            let certificate = settings.client.targets.first?.tls?.certificate
            guard certificate != folder.identity, let certificate, try !folder.has(certificate) else { return }
            try folder.keepConfiguration()
            say("\(folder.configuration): its certificate is nowhere: kept as \(folder.configuration).old")
        }
        let text = """
            # Written when \(host) enrolled. Every key: loghamster.toml(5).
            hostname = \(quoted(host))
            \(stateLine(folder))
            [target]
            hostname = \(quoted(server))
            port = \(port)

            [target.tls]
            \(identityLines(folder))

            [[input]]
            path = ["/var/log/syslog", "/var/log/messages", "/var/log/**/*.log"]
            exclude = "/var/log/loghamster/**"

            """
        try folder.write(Array(text.utf8), to: folder.configuration)
        say("\(folder.configuration): written; its inputs are a beginning")
    }

    /// The service has its state where its unit says; of another user nobody knows where he may write.
    private func stateLine(_ folder: HostFolder) -> String {
        guard user == nil else { return "" }
        guard isService else { return "state = \(quoted("\(folder.path)/state"))\n" }
        return geteuid() == 0 ? "state = \"/var/lib/loghamsterc\"\n" : ""
    }

    private func identityLines(_ folder: HostFolder) -> String {
        """
        ca = \(quoted(folder.root))
        cert = \(quoted(folder.identity))
        key = \(quoted(folder.identity))
        renew = true
        """
    }

    /// Throws unless the configuration is fine, and uses what the host has got.
    private func requireUse(of folder: HostFolder, host: String, _ program: Program) throws {
        let settings = try settings(folder, program)
        guard settings.client.hostName == host, settings.client.renewedIdentity == folder.identity else {
            throw ProgramFailure(
                .failed,
                [
                    "\(folder.configuration): it doesn't use the new certificate: set these lines in it, and run this again"
                ]
                    + ["  hostname = \(quoted(host))", "  [target.tls]"]
                    + identityLines(folder).split(separator: "\n").map { "  \($0)" })
        }
        try settings.check()
    }

    private func settings(_ folder: HostFolder, _ program: Program) throws -> ClientSettings {
        let file = try ConfigurationFile(
            reading: folder.configuration, workingDirectory: program.defaults.workingDirectory,
            fileSystem: LinuxFileSystem())
        return try ClientSettings(file, defaults: program.defaults)
    }

    private func say(_ text: String) { writeToStandardError("loghamsterc: \(text)\n") }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
