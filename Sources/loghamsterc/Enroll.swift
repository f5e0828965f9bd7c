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
            loghamsterc enroll [--dir <directory>] [--force] <host:port> <token>
            """,
        discussion: """
            Makes a key, which never leaves this host, asks the server to certify it, and writes key, certificate, CA and a \
            first configuration. Nothing is trusted but the CA whose fingerprint is in the token. Run it again where it was \
            interrupted.
            """)

    @Option(help: ArgumentHelp("Where the files go.", valueName: "directory"), completion: .directory)
    var dir = "/etc/loghamster"

    @Option(
        help: ArgumentHelp(
            "The user that the client runs as, who gets the key; default for root: loghamsterc, where there is one.",
            valueName: "user"))
    var user: String?

    @Flag(help: "Replace a key and certificate that are there.")
    var force = false

    @Argument(help: ArgumentHelp("The server.", valueName: "host:port"))
    var server: String

    @Argument(help: ArgumentHelp("The token; '-' reads it from standard input.", valueName: "token"))
    var token: String

    func run() async throws {
        let token = try readToken()
        guard let place = HostAndPort(server, defaultPort: 7_007), place.port > 0 else {
            throw ProgramFailure(.usage, ["\(printable(server.utf8)): expected the server as in log.example.com:7007"])
        }
        let program = LogHamsterCommand.program
        let directory = dir.hasPrefix("/") ? dir : "\(program.defaults.workingDirectory)/\(dir)"
        let folder = HostFolder(directory, owner: try owner(), fileSystem: LinuxFileSystem())
        try folder.make()
        if try isEnrolled(folder, token.host) {
            say("\(folder.identity): \(token.host) has its certificate already, nothing was asked for")
        } else {
            try await enroll(token, at: place, folder)
        }
        try writeConfiguration(folder, place, host: token.host)
        try check(folder, program)
        say("ready: loghamsterc --config \(folder.configuration), or systemctl enable --now loghamsterc")
    }

    private func readToken() throws -> EnrollmentToken {
        let text = token == "-" ? readLine(strippingNewline: true) ?? "" : token
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
        if let owner = FileOwner(user: user ?? "loghamsterc") { return owner }
        guard let user else { return nil }
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

    private func enroll(_ token: EnrollmentToken, at place: HostAndPort, _ folder: HostFolder) async throws {
        if try folder.has(folder.root), !force,
            try !CertificateChain(path: folder.root).contains(token.rootDigest)
        {
            throw ProgramFailure(
                .failed, ["\(folder.root): it holds other CAs than the token's: give --force to replace it"])
        }
        let key = try folder.keyToAskFor()
        let answer = try await ask(token, at: place, key)
        let chain = try CertificateChain(answer.chain, name: "the server's answer")
        try chain.require(key, host: token.host)
        guard try CertificateChain(answer.root, name: "the server's answer").contains(token.rootDigest) else {
            throw ProgramFailure(.failed, ["the server's answer: its CA is not the token's: nothing was written"])
        }
        // What the identity needs is there before it.
        if try force || !folder.has(folder.root) { try folder.write(answer.root, to: folder.root) }
        try folder.install(key, chain: answer.chain)
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

    private func writeConfiguration(_ folder: HostFolder, _ place: HostAndPort, host: String) throws {
        guard try !folder.has(folder.configuration) else {
            say("\(folder.configuration): it is there already, and stays as it is")
            return
        }
        let text = """
            # Written when \(host) enrolled. Every key: man 1 loghamsterc, and docs/configuration.md.
            hostname = "\(host)"

            [target]
            hostname = "\(place.host)"
            port = \(place.port)

            [target.tls]
            ca = "\(folder.root)"
            cert = "\(folder.identity)"
            key = "\(folder.identity)"
            renew = true

            [[input]]
            path = ["/var/log/syslog", "/var/log/messages", "/var/log/**/*.log"]

            """
        try folder.write(Array(text.utf8), to: folder.configuration)
        say("\(folder.configuration): written; its inputs are a beginning")
    }

    private func check(_ folder: HostFolder, _ program: Program) throws {
        let file = try ConfigurationFile(
            reading: folder.configuration, workingDirectory: program.defaults.workingDirectory,
            fileSystem: LinuxFileSystem())
        try ClientSettings(file, defaults: program.defaults, opensCredentials: true).check()
    }

    private func say(_ text: String) { writeToStandardError("loghamsterc: \(text)\n") }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
