import Foundation
import HamsterTesting
import Testing

/// `[prometheus.tls]` of both programs: who shows no certificate learns nothing.
@Suite(.timeLimit(.minutes(10))) struct MetricsAreProtectedTests {
    private static let certificateRequired = 116

    private let port: ReservedPort

    init() throws { port = try ReservedPort() }

    enum Program: String, CaseIterable {
        case loghamsterc, loghamsterd
    }

    @Test(arguments: Program.allCases)
    func `a scraper is answered if its certificate is of the right CA`(program: Program) async throws {
        let deployment = try await Deployment()
        let other = try await CertificateAuthority(in: deployment.scratch, name: "other-pki")
        let (scraper, stranger) = (
            try await deployment.authority.client("prometheus"), try await other.client("prometheus")
        )
        let process = try await start(program, deployment, deployment.serverPair)

        let lines = try await scrape(as: scraper).lines
        #expect(lines.first?.hasPrefix("HTTP/1.1 200 OK\r\n") ?? false)
        #expect(lines.contains { $0.hasPrefix("process_start_time_seconds ") })
        let refused = await #expect(throws: TLSConnection.Refused.self) { try await scrape(as: nil) }
        #expect(refused?.alert == Self.certificateRequired)
        await #expect(throws: TLSConnection.Refused.self) { try await scrape(as: stranger) }
        // Plain text is no handshake.
        await #expect(throws: TestingError.self) { try await HTTPAnswer.of(port: port.number, "/metrics") }
        #expect(process.isRunning)
    }

    @Test(arguments: Program.allCases)
    func `a renewed certificate is shown without a restart, and a broken one is not`(program: Program) async throws {
        let deployment = try await Deployment()
        let scraper = try await deployment.authority.client("prometheus")
        let (first, next) = (deployment.serverPair, try await deployment.authority.server("renewed.example.com"))
        let live = CertificateAuthority.Pair(
            certificate: deployment.scratch("live.pem"), key: deployment.scratch("live.key"))
        try place(first, as: live)
        let process = try await start(program, deployment, live)
        #expect(try await scrape(as: scraper).subject == "/CN=localhost")

        try place(next, as: live)
        try await process.waitForError("certificates are reloaded")
        #expect(try await scrape(as: scraper).subject == "/CN=renewed.example.com")
        try place(CertificateAuthority.Pair(certificate: next.key, key: next.key), as: live)
        try await process.waitForError("certificates are not reloaded, the old ones stay in use")
        #expect(try await scrape(as: scraper).subject == "/CN=renewed.example.com")
    }

    @Test(.enabled(if: Prometheus.isInstalled, "apt-get install prometheus"))
    func `a Prometheus with a certificate scrapes, one without is refused`() async throws {
        let deployment = try await Deployment()
        let scraper = try await deployment.authority.client("prometheus")
        _ = try await start(.loghamsterd, deployment, deployment.serverPair)
        let credentials = Prometheus.Credentials(ca: deployment.authority.certificate, pair: scraper)
        let stranger = """

              - job_name: stranger
                scheme: https
                tls_config:
                  ca_file: \(deployment.authority.certificate)
                static_configs:
                  - targets: ["127.0.0.1:\(port.number)"]
            """
        let prometheus = try await Prometheus.ofProject(
            scraping: ["loghamsterd": port.number], as: credentials, extra: stranger, in: deployment.scratch)

        try await prometheus.waitUntilUp("loghamsterd")
        let refused = try await awaited("a scrape by the stranger", every: .betweenRequests) {
            try await prometheus.targets().first { $0.job == "stranger" && $0.health != "unknown" }
        }
        #expect(refused.health == "down")
        #expect(refused.lastError.contains("certificate"), "\(refused.lastError)")
    }

    // MARK: Scene

    private func start(
        _ program: Program, _ deployment: Deployment, _ pair: CertificateAuthority.Pair
    ) async throws -> ChildProcess {
        let table = """
            [prometheus]
            enabled = true
            listen = "127.0.0.1:\(port.number)"
            tls = { cert = "\(pair.certificate)", key = "\(pair.key)", client_ca = "\(deployment.authority.certificate)" }
            """
        let process =
            switch program {
            case .loghamsterc: try deployment.startClient(input: "path = \"source/*.log\"\n\(table)")
            case .loghamsterd: try await deployment.startServer(extra: table)
            }
        try await process.waitForError("metrics are offered")
        return process
    }

    /// Who answered, and what. Throws ``TLSConnection/Refused`` where the certificate doesn't do.
    @discardableResult
    private func scrape(as pair: CertificateAuthority.Pair?) async throws -> (subject: String?, lines: [String]) {
        let connection = try TLSConnection(port: port.number, as: pair)
        try await connection.handshake()
        let subject = connection.serverSubject
        try await connection.send(HTTPAnswer.request("/metrics"))
        return (subject, try await connection.linesUntilEnd())
    }

    /// Makes the two paths lead to a certificate and its key, each in one step, as certbot does.
    private func place(_ pair: CertificateAuthority.Pair, as live: CertificateAuthority.Pair) throws {
        for (target, link) in [(pair.certificate, live.certificate), (pair.key, live.key)] {
            try FileManager.default.createSymbolicLink(atPath: link + "-new", withDestinationPath: target)
            guard rename(link + "-new", link) == 0 else {
                throw TestingError("rename: \(String(cString: strerror(errno)))")
            }
        }
    }
}
