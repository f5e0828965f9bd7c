import Foundation

/// A server and a client on loopback with certificates of their own, and the real programs.
///
/// Everything is below one scratch directory: `source/` for the client's files, `stored/` for the server's outputs.
package final class Deployment {
    package let scratch: ScratchDirectory
    package let authority: CertificateAuthority
    package let host = "web1"
    package let serverPair: CertificateAuthority.Pair
    package let clientPair: CertificateAuthority.Pair
    /// The port of the server, whether it runs or not.
    package var port: Int { reservedPort.number }
    private let reservedPort: ReservedPort
    private var processes: [ChildProcess] = []
    private let turn: Turnstile.Turn

    package convenience init() async throws {
        let turn = await Turnstile.deployments.enter()
        let scratch = try ScratchDirectory()
        let authority = try await CertificateAuthority(in: scratch)
        try await self.init(
            turn, scratch, authority, server: authority.server("localhost", "127.0.0.1"),
            client: authority.client("web1"))
    }

    /// Without any certificate, for servers with ``startPlainServer(root:extra:)``.
    package static func plain() async throws -> Deployment {
        let turn = await Turnstile.deployments.enter()
        let scratch = try ScratchDirectory()
        let none = CertificateAuthority.Pair(certificate: "none.pem", key: "none.key")
        return try Deployment(
            turn, scratch, CertificateAuthority(unmadeIn: scratch), server: none, client: none)
    }

    private init(
        _ turn: Turnstile.Turn, _ scratch: ScratchDirectory, _ authority: CertificateAuthority,
        server: CertificateAuthority.Pair,
        client: CertificateAuthority.Pair
    ) throws {
        self.turn = turn
        self.scratch = scratch
        self.authority = authority
        serverPair = server
        clientPair = client
        reservedPort = try ReservedPort()
        try FileManager.default.createDirectory(atPath: scratch("source"), withIntermediateDirectories: true)
    }

    /// Starts one of the two programs; it runs until it ends, is killed, or this deployment goes.
    package func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> ChildProcess {
        let process = try ChildProcess(
            try Repository.program(program), arguments, in: scratch, environment: environment)
        processes.append(process)
        return process
    }

    // MARK: Server

    /// Starts `loghamsterd` without TLS, for strangers on loopback. `extra` are further tables.
    package func startPlainServer(root: String = "", extra: String = "") async throws -> ChildProcess {
        try await startServer(root: root, tls: "enabled = false", extra: extra)
    }

    /// Starts `loghamsterd` and waits until it listens. `root` and `tls` are lines for those tables; `extra` follows them.
    package func startServer(
        root: String = "", tls: String? = nil, pair: CertificateAuthority.Pair? = nil, extra: String = ""
    ) async throws -> ChildProcess {
        let server = try runServer(root: root, tls: tls, pair: pair, extra: extra)
        try await server.waitForError("listening address=127.0.0.1:\(port)")
        return server
    }

    /// Starts `loghamsterd` without waiting for anything. `pair` replaces the server's own.
    package func runServer(
        root: String = "", tls: String? = nil, pair: CertificateAuthority.Pair? = nil, extra: String = ""
    ) throws -> ChildProcess {
        let file = try writeServerConfiguration(root: root, tls: tls, pair: pair, extra: extra)
        return try start("loghamsterd", ["--config", file])
    }

    /// Replaces the server's configuration, and gives its path; a running server reads it at SIGHUP.
    @discardableResult
    package func writeServerConfiguration(
        root: String = "", tls: String? = nil, pair: CertificateAuthority.Pair? = nil, extra: String = ""
    ) throws -> String {
        let mutual = "client_ca = \"\(authority.certificate)\""
        // A busy machine must not make the connections of a test time out.
        let limits = extra.contains("handshake_timeout") ? "" : "handshake_timeout = \"60s\""
        let tables =
            extra.contains("[limits]")
            ? extra.replacing("[limits]", with: "[limits]\n\(limits)") : "[limits]\n\(limits)\n\(extra)"
        let configuration = """
            listen = "127.0.0.1:\(port)"
            directory = "stored"
            state = "server-state"
            debug = true
            \(root)
            [tls]
            cert = "\((pair ?? serverPair).certificate)"
            key = "\((pair ?? serverPair).key)"
            \(tls ?? mutual)
            \(tables)
            """
        return try scratch.write("server.toml", configuration)
    }

    /// What the server has stored of a file in `source/`; nil: nothing.
    package func stored(_ name: String, host: String? = nil) -> [UInt8]? {
        scratch.contents("stored/\(host ?? self.host)\(scratch("source/\(name)"))")
    }

    /// How many bytes of a file in `source/` the server has stored; 0: none, or no file.
    package func storedSize(_ name: String) -> Int {
        var status = stat()
        guard stat(scratch("stored/\(host)\(scratch("source/\(name)"))"), &status) == 0 else { return 0 }
        return Int(status.st_size)
    }

    /// Waits until the server has stored exactly these bytes.
    package func waitUntilStored(_ name: String, _ expected: [UInt8], timeout: Duration = patience) async throws {
        try await eventually(
            "\(name) with \(expected.count) bytes; \(difference(name, expected))", timeout: timeout
        ) {
            storedSize(name) == expected.count && stored(name) == expected
        }
    }

    /// How much of a file in `source/` is stored, and how much of that is as expected.
    private func difference(_ name: String, _ expected: [UInt8]) -> String {
        guard let stored = stored(name) else { return "there is no such output" }
        let sameCount = zip(stored, expected).prefix { $0 == $1 }.count
        return "there are \(stored.count), and the first \(sameCount) are right"
    }

    // MARK: Client

    /// Starts `loghamsterc` on everything in `source/`. `input` replaces the lines of the one `[[input]]`.
    package func startClient(
        root: String = "", target: String = "", tls: String? = nil, input: String = "path = \"source/*\""
    ) throws -> ChildProcess {
        let file = try writeClientConfiguration(root: root, target: target, tls: tls, input: input)
        return try start("loghamsterc", ["--config", file])
    }

    /// Lines for `[target.tls]`: who is trusted, and which certificate is shown.
    package func trust(_ ca: String? = nil, as pair: CertificateAuthority.Pair?) -> String {
        let own = pair.map { "\ncert = \"\($0.certificate)\"\nkey = \"\($0.key)\"" } ?? ""
        return "ca = \"\(ca ?? authority.certificate)\"\(own)"
    }

    /// `target` may say where the server is: `port = …`, or `hosts = […]`.
    package func writeClientConfiguration(
        root: String = "", target: String = "", tls: String? = nil, input: String? = nil
    ) throws -> String {
        let place = [
            target.contains("hosts =") ? "" : "hostname = \"127.0.0.1\"",
            target.contains("port =") || target.contains("hosts =") ? "" : "port = \(port)",
            // A busy machine must not make the connections of a test time out.
            target.contains("connect_timeout") ? "" : "connect_timeout = \"60s\"",
        ].joined(separator: "\n")
        return try scratch.write(
            "client.toml",
            """
            hostname = "\(host)"
            state = "client-state"
            \(root)
            [target]
            \(place)
            \(target)
            [target.tls]
            \(tls ?? trust(as: clientPair))
            \(input.map { "[[input]]\n\($0.contains("rotate_wait") ? "" : "rotate_wait = \"300ms\"")\n\($0)" } ?? "")
            """)
    }

    /// Runs `loghamsterc send` to its end.
    package func send(
        _ files: [String], target: String = "", tls: String? = nil, timeout: Duration = patience
    ) async throws -> (exitCode: Int32, output: String, errors: String) {
        let file = try writeClientConfiguration(target: target, tls: tls)
        let client = try start("loghamsterc", ["send", "--config", file] + files)
        let code = try await client.exitCode(timeout: timeout)
        return (code, client.output, client.errors)
    }

    /// Waits until a client has the file open that `source/` holds under this name: from then on a rename or a removal
    /// takes nothing away.
    package func waitUntilFollowed(_ name: String) async throws {
        let path = scratch("source/\(name)")
        try await eventually("\(name) to be followed") {
            try processes.contains { try $0.isRunning && $0.openFiles().contains(path) }
        }
    }
}
