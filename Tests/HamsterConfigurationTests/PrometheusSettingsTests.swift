import HamsterConfiguration
import HamsterMetrics
import HamsterTLS
import Testing

/// `[prometheus]` of both programs.
struct PrometheusSettingsTests {
    private let server = "listen = \"127.0.0.1:7\"\ntls = { enabled = false }\n"
    private let client = """
        [target]
        hostname = "localhost"
        [[input]]
        path = "a"

        """

    @Test func `without a word nobody is offered metrics`() throws {
        #expect(try serverSettings(server).metrics == nil)
        #expect(try clientSettings(client).metrics == nil)
        #expect(try serverSettings(server + "[prometheus]\nlisten = \":1\"").metrics == nil)
    }

    @Test func `the defaults are those of the contract`() throws {
        let table = "[prometheus]\nenabled = true"

        #expect(try serverSettings(server + table).metrics == MetricsConfiguration(address: "::", port: 8_091))
        #expect(try clientSettings(client + table).metrics == MetricsConfiguration(address: "127.0.0.1", port: 8_092))
    }

    @Test func `TLS has the keys of the server`() throws {
        let settings = try clientSettings(
            client + """
                [prometheus]
                enabled = true
                listen = "0.0.0.0:9"
                path = "/m"
                [prometheus.tls]
                cert = "m.pem"
                key = "m.key"
                client_ca = "ca.pem"
                """)

        let tls = TLSServerConfiguration(
            certificate: "/etc/lh/m.pem", key: "/etc/lh/m.key", clientCA: "/etc/lh/ca.pem",
            clientAuthentication: .require)
        #expect(settings.metrics == MetricsConfiguration(address: "0.0.0.0", port: 9, path: "/m", tls: tls))
        #expect(settings.credentials == ["/etc/lh/m.pem", "/etc/lh/m.key", "/etc/lh/ca.pem"])
        #expect(settings.warnings == [])
    }

    @Test(arguments: [("127.0.0.1:1", 0), ("[::1]:1", 0), (":1", 1), ("0.0.0.0:1", 1)])
    func `what others can reach without TLS gets a warning`(listen: String, warnings: Int) throws {
        let table = "[prometheus]\nenabled = true\nlisten = \"\(listen)\""

        #expect(try serverSettings(server + table).warnings.count == warnings)
        #expect(try clientSettings(client + table).warnings.count == warnings)
        #expect(try serverSettings(server + table.replacing("true", with: "false")).warnings.isEmpty)
    }
}
