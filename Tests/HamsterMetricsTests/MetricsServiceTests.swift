import HamsterMetrics
import HamsterTLS
import HamsterTesting
import Logging
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(5))) struct MetricsServiceTests {
    private let port: ReservedPort

    init() throws { port = try ReservedPort() }

    @Test func `a scrape is the text of that moment`() async throws {
        let scrapes = Counter()
        let answers = try await serving(write: { exposition in
            scrapes.add()
            exposition.add(Self.gauge, Double(scrapes.value))
        }) { [try await ask("/metrics"), try await ask("/metrics?again=1")] }

        #expect(answers.map(\.status) == [200, 200])
        #expect(answers.map { $0.value("g") } == [1, 2])
        #expect(answers[0].headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answers[0].headers["content-length"] == "\(answers[0].body.count)")
    }

    @Test func `OpenMetrics and gzip are for those who ask`() async throws {
        let answer = try await serving {
            try await ask("/metrics", headers: ["Accept: application/openmetrics-text", "Accept-Encoding: gzip"])
        }

        #expect(answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(answer.headers["content-encoding"] == "gzip")
        let text = try #require(gunzip(answer.body))
        #expect(String(decoding: text, as: UTF8.self).hasSuffix("g 1\n# EOF\n"))
    }

    @Test(arguments: [
        ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/healthz", 200), ("GET", "/readyz", 200),
        ("POST", "/metrics", 405), ("DELETE", "/healthz", 405), ("POST", "/other", 404),
    ])
    func `each path and method has its status`(method: String, path: String, status: Int) async throws {
        let answer = try await serving { try await ask(path, method: method) }

        #expect(answer.status == status)
        #expect(answer.headers["allow"] == (status == 405 ? "GET, HEAD" : nil))
        #expect(answer.body.last == UInt8(ascii: "\n"))
    }

    @Test func `HEAD is a GET without its body`() async throws {
        let (head, get) = try await serving { (try await ask("/metrics", method: "HEAD"), try await ask("/metrics")) }

        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head.headers["content-length"] == "\(get.body.count)")
    }

    @Test func `who isn't ready says why, and is healthy`() async throws {
        let (ready, healthy) = try await serving(obstacle: { "no target" }) {
            (try await ask("/readyz"), try await ask("/healthz"))
        }

        #expect(ready.status == 503 && ready.text == "no target\n")
        #expect(healthy.status == 200 && healthy.text == "ok\n")
    }

    @Test func `a body is read, so that its sender can read the answer`() async throws {
        let answer = try await serving {
            let connection = try RawConnection(port: port.number)
            let body = String(repeating: "x", count: 1 << 20)
            let head = HTTPAnswer.request("/metrics", method: "POST", headers: ["Content-Length: \(body.count)"])
            try await connection.send(head + body)
            return try HTTPAnswer(parsing: try await connection.bytesUntilEnd())
        }

        #expect(answer.status == 405)
    }

    @Test(arguments: ["\u{16}\u{3}\u{1}\u{0}\u{5}hello\r\n\r\n", "GET\r\n\r\n", "GET /metrics HTTP/9.9 x\r\n\r\n"])
    func `what is no HTTP is told so`(text: String) async throws {
        let answer = try await serving {
            let connection = try RawConnection(port: port.number)
            try await connection.send(text)
            return try HTTPAnswer(parsing: try await connection.bytesUntilEnd())
        }

        #expect(answer.status == 400)
    }

    @Test func `endless headers end the connection`() async throws {
        try await serving {
            let connection = try RawConnection(port: port.number)
            let line = "X-Long: \(String(repeating: "x", count: 4_000))\r\n"
            try await connection.send("GET /metrics HTTP/1.1\r\n")
            var lines = 0
            while !connection.hasEnded, lines < 10_000, (try? await connection.send(line)) != nil { lines += 1 }
            try await eventually("the server to close") { connection.hasEnded }
            #expect(lines < 10_000)
        }
    }

    @Test func `those who never read are dropped, and hold up nobody before`() async throws {
        let large = MetricDescription(.gauge, "large", help: String(repeating: "x", count: 8 << 20))
        try await serving(connectionsMax: 3, timeout: .seconds(3), write: { $0.add(large, 1) }) {
            let stuck = try [1, 2].map { _ in try RawConnection(port: port.number, receiveBytes: 4_096) }
            for connection in stuck { try await connection.send(HTTPAnswer.request("/metrics")) }
            #expect(try await awaited("a place") { try? await ask("/healthz") }.status == 200)
            // Both places of the stuck are needed for this.
            _ = try await awaited("three places") {
                let three = try [1, 2, 3].map { _ in try RawConnection(port: port.number) }
                try await three[2].send(HTTPAnswer.request("/healthz"))
                return try? HTTPAnswer(parsing: try await three[2].bytesUntilEnd())
            }
        }
    }

    @Test func `those beyond the limit are not answered, and the next one is`() async throws {
        try await serving(connectionsMax: 2) {
            let silent = [try RawConnection(port: port.number), try RawConnection(port: port.number)]
            let third = try RawConnection(port: port.number)
            try await eventually("the third to be turned away") { third.hasEnded }
            #expect(!silent[0].hasEnded && !silent[1].hasEnded)
            silent[0].reset()
            let answer = try await awaited("a place") { try? await ask("/healthz") }
            #expect(answer.status == 200)
        }
    }

    @Test func `with TLS only those with a certificate are answered`() async throws {
        let scratch = try ScratchDirectory()
        let authority = try await CertificateAuthority(in: scratch)
        let server = try await authority.server("localhost")
        let scraper = try await authority.client("prometheus")
        let tls = TLSServerConfiguration(
            certificate: server.certificate, key: server.key, clientCA: authority.certificate,
            clientAuthentication: .require)
        try await serving(tls: tls) {
            let connection = try TLSConnection(port: port.number, as: scraper)
            try await connection.handshake()
            try await connection.send(HTTPAnswer.request("/metrics"))
            #expect(try await connection.linesUntilEnd().last == "g 1")
            let stranger = try TLSConnection(port: port.number)
            await #expect(throws: TLSConnection.Refused.self) {
                try await stranger.handshake()
                try await stranger.send(HTTPAnswer.request("/metrics"))
                _ = try await stranger.linesUntilEnd()
            }
        }
    }

    @Test func `an address that is taken is an error that says so`() async throws {
        try await serving {
            let service = try service(MetricsConfiguration(address: "127.0.0.1", port: port.number))
            let error = await #expect(throws: MetricsError.self) { try await service.run() }
            #expect(error?.description.contains("address already in use: stop the program") ?? false)
        }
    }

    private static let gauge = MetricDescription(.gauge, "g", help: "A number")

    private func ask(_ path: String, method: String = "GET", headers: [String] = []) async throws -> HTTPAnswer {
        try await HTTPAnswer.of(port: port.number, path, method: method, headers: headers)
    }

    private func service(
        _ configuration: MetricsConfiguration,
        write: @escaping @Sendable (inout Exposition) -> Void = { $0.add(Self.gauge, 1) },
        obstacle: @escaping @Sendable () -> String? = { nil }
    ) throws -> MetricsService {
        try MetricsService(
            configuration, source: MetricsSource(write: write, obstacle: obstacle),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a service while `body` runs, and then ends it as a program does.
    private func serving<Value: Sendable>(
        tls: TLSServerConfiguration? = nil, connectionsMax: Int = 16, timeout: Duration = .seconds(3_600),
        write: @escaping @Sendable (inout Exposition) -> Void = { $0.add(Self.gauge, 1) },
        obstacle: @escaping @Sendable () -> String? = { nil }, _ body: () async throws -> Value
    ) async throws -> Value {
        var configuration = MetricsConfiguration(address: "127.0.0.1", port: port.number, tls: tls)
        configuration.limits.connectionsMax = connectionsMax
        configuration.limits.timeout = timeout
        let service = try service(configuration, write: write, obstacle: obstacle)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        async let running: Void = group.run()
        let result: Result<Value, any Error>
        do {
            let probe = try await awaitedConnection()
            probe.finish()
            // Its place is free again by then.
            try await eventually("the service to close") { probe.hasEnded }
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await running
        return try result.get()
    }

    private func awaitedConnection() async throws -> RawConnection {
        var connection: RawConnection?
        try await eventually("the service to listen") {
            connection = try? RawConnection(port: port.number)
            return connection != nil
        }
        return try #require(connection)
    }
}
