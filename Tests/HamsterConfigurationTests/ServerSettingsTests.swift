import HamsterConfiguration
import HamsterCore
import HamsterRateLimit
import HamsterRouting
import HamsterServer
import HamsterStore
import HamsterTLS
import Testing

private let smallest = "[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\n"

struct ServerSettingsTests {
    @Test func `the defaults are those of the documents`() throws {
        let settings = try serverSettings(smallest)

        #expect(settings.log == LogSettings())
        #expect(settings.server.listeners.map(\.description) == ["0.0.0.0:7007"])
        #expect(settings.server.threads == 0)
        #expect(settings.server.hasFallback)
        #expect(settings.server.outputs == [])
        #expect(settings.server.limits == ServerConfiguration.Limits())
        #expect(
            settings.server.tls
                == TLSServerConfiguration(certificate: "/etc/lh/c.pem", key: "/etc/lh/k.pem"))
        #expect(!settings.server.hostBinding.isRequired)
        #expect(
            settings.warnings == [
                "clients need no certificate on 0.0.0.0:7007: whoever reaches it can send as any host: "
                    + "set client_ca in [tls] to the CA of your clients"
            ])
    }

    @Test func `the store's defaults are those of the documents`() throws {
        let store = try serverSettings(smallest).server.store

        #expect(store.stateDirectory == "/var/lib/loghamster")
        #expect(store.directory == "/var/log/loghamster")
        #expect(store.sync == .commit)
        #expect(store.commitInterval == .milliseconds(100))
        #expect(store.commitBytes == 16 << 20)
        #expect(store.forgetAfter == .seconds(90 * 86_400))
        #expect(store.lineBytesMax == 1 << 20)
        #expect(store.freeSpaceMin == 64 << 20)
    }

    @Test func `a CA for clients makes their certificates required, and binds hosts to them`() throws {
        let required = try serverSettings(smallest + "client_ca = \"ca.pem\"").server
        #expect(required.tls?.clientAuthentication == .require)
        #expect(required.hostBinding.isRequired)

        let optional = try serverSettings(smallest + "client_ca = \"ca.pem\"\nclient_auth = \"optional\"").server
        #expect(optional.tls?.clientAuthentication == .optional)
        #expect(!optional.hostBinding.isRequired)

        let unbound = try serverSettings(smallest + "client_ca = \"ca.pem\"\nbind_host = false").server
        #expect(!unbound.hostBinding.isRequired)
    }

    @Test func `relays may be inline or have headings`() throws {
        let inline = try serverSettings(
            smallest + "client_ca = \"ca\"\nallow = [{ certificate = \"R\", hosts = [\"Web*\", \"db\"] }]")
        let headed = try serverSettings(
            smallest + "client_ca = \"ca\"\n[[tls.allow]]\ncertificate = \"R\"\nhosts = [\"Web*\", \"db\"]")

        #expect(inline.server.hostBinding.relays == headed.server.hostBinding.relays)
        #expect(inline.server.hostBinding.relays.first?.hosts.map(\.pattern) == ["web*", "db"])
    }

    @Test func `the rotation of an output is read as it is written`() throws {
        let text = """
            \(smallest)[output.a]
            path = "a.log"
            rotate = { size = "1 GiB", every = "1d", keep = 14, compress = true }
            [output.b]
            path = "b.log"
            [output.b.rotate]
            every = "1h"
            names = "dated"
            """
        let settings = try serverSettings(text)
        let rotations = settings.server.outputs.map { rule -> RotationPolicy? in
            if case .write(let output) = rule.action { output.rotation } else { nil }
        }

        #expect(
            rotations == [
                RotationPolicy(size: 1 << 30, every: 86_400, keep: 14, isCompressing: true),
                RotationPolicy(every: 3_600, names: .dated),
            ])
        #expect(settings.text.contains("size = \"1 GiB\""))
        #expect(settings.text.contains("compress = false"))
    }

    @Test func `outputs are absolute, or below the directory`() throws {
        let text = """
            tls = { enabled = false }
            [output.a]
            path = "/var/log/messages"
            mode = "600"
            owner = "0:0"
            [output."b c"]
            path = "x/y.log"
            framing = "bytes"
            """
        #expect(
            try serverSettings(text).server.outputs == [
                OutputRule(
                    name: "a",
                    action: .write(
                        .init(
                            path: try PathTemplate("/var/log/messages"), framing: .lines, mode: 0o600,
                            owner: FileOwner(user: 0, group: 0)))),
                OutputRule(
                    name: "b c", action: .write(.init(path: try PathTemplate("x/y.log"), framing: .bytes))),
            ])
    }

    @Test func `a rule has conditions, a priority, and a path of a stream's values`() throws {
        let text = """
            directory = "/srv"
            tls = { enabled = false }
            [output.a]
            match = { host = ["web*", "db*"], path = "/var/**", svc = "nginx", certificate = "*.example.com", meta = { env = "prod" } }
            priority = 10
            path = "/srv/{host}/{date}.log"
            prefix = "{svc}: "
            [output.b]
            path = "{host}/{path}"
            [output.no]
            match = { host = "x" }
            deny = true
            """
        let conditions: [(StreamMatch.Subject, [String])] = [
            (.host, ["web*", "db*"]), (.path, ["/var/**"]), (.service, ["nginx"]), (.certificate, ["*.example.com"]),
            (.metadata("env"), ["prod"]),
        ]
        let match = StreamMatch(try conditions.map { try #require(StreamMatch.Condition($0.0, $0.1)) })
        let denied = StreamMatch([try #require(StreamMatch.Condition(.host, ["x"]))])
        #expect(
            try serverSettings(text).server.outputs == [
                OutputRule(
                    name: "a", match: match, priority: 10,
                    action: .write(
                        .init(
                            path: try PathTemplate("/srv/{host}/{date}.log"), framing: .lines,
                            prefix: try LinePrefix("{svc}: ")))),
                OutputRule(name: "b", action: .write(.init(path: try PathTemplate("{host}/{path}"), framing: .bytes))),
                OutputRule(name: "no", match: denied, action: .deny),
            ])
    }

    @Test(arguments: [
        ("{svc}/x", true, true), ("{host}/x", true, false), ("{meta.a}-{host}/x", true, true),
        ("logs/{svc}", true, false),
        ("/srv/{svc}/x", true, true), ("{svc}/x", false, false), ("{certificate}/x", true, false),
    ])
    func `paths by which clients could reach another host's folder are warned of`(
        path: String, hasFallback: Bool, isWarned: Bool
    ) throws {
        let text = """
            directory = "/srv"
            fallback = \(hasFallback)
            tls = { enabled = false }
            listen = "127.0.0.1:7007"
            [output.a]
            path = "\(path)"
            """
        #expect(try serverSettings(text).warnings.isEmpty == !isWarned)
    }

    @Test func `the environment stands over the file`() throws {
        var overrides = ServerOverrides()
        overrides.values = [(key: ["state"], value: "/env", source: "LOGHAMSTER_STATE")]
        #expect(try serverSettings("state = \"/file\"\n" + smallest, overrides).server.store.stateDirectory == "/env")

        overrides.values = [(key: ["directory"], value: "", source: "LOGHAMSTER_DIRECTORY")]
        #expect(
            problems { _ = try serverSettings(smallest, overrides) } == [
                "LOGHAMSTER_DIRECTORY: directory: expected a path, got an empty string"
            ])
    }

    @Test(arguments: [("0.0.0.0:1", 1), ("127.0.0.1:1", 0), ("[::1]:1", 0), (":1", 1)])
    func `plain text is warned of where others can read it`(address: String, count: Int) throws {
        let text = "listen = \"\(address)\"\ntls = { enabled = false }"
        #expect(try serverSettings(text).warnings.count == count)
    }

    @Test(arguments: [
        ("", "set client_ca in [tls] to the CA of your clients"),
        ("client_ca = \"ca.pem\"", nil),
        ("client_ca = \"ca.pem\"\nclient_auth = \"none\"", "set client_auth = \"require\" in [tls]"),
        ("client_ca = \"ca.pem\"\nclient_auth = \"optional\"", "set client_auth = \"require\" in [tls]"),
        ("client_ca = \"ca.pem\"\nclient_auth = \"optional\"\nbind_host = true", nil),
        ("client_ca = \"ca.pem\"\nbind_host = false", "name those that send for others in 'allow'"),
    ])
    func `where others can come as any host there is a warning, with what to do`(tls: String, advice: String?) throws {
        func warnings(_ address: String) throws -> [String] {
            try serverSettings("listen = \"\(address)\"\n[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"\n\(tls)").warnings
        }
        #expect(try warnings("127.0.0.1:7007") == [])
        #expect(try warnings("10.0.0.1:7007").count == (advice == nil ? 0 : 1))
        if let advice { #expect(try warnings("10.0.0.1:7007").first?.hasSuffix(advice) ?? false) }
    }

    @Test func `an idle timeout of zero is none`() throws {
        #expect(try serverSettings("limits = { idle_timeout = \"0s\" }\n" + smallest).server.limits.idleTimeout == nil)
        let set = try serverSettings("limits = { idle_timeout = \"1h\" }\n" + smallest).server.limits.idleTimeout
        #expect(set == .seconds(3_600))
    }

    @Test func `rates are read in bytes a second, and count by output`() throws {
        let text =
            """
            [rate_limit]
            total = "500 MiB/s"
            per_host = "1 GB/s"
            burst = "2s"
            connections_per_second = 100
            [output.x]
            path = "x.log"
            rate_limit = "64 KiB/s"

            """ + smallest
        let server = try serverSettings(text).server
        #expect(server.rates.total == 500 << 20)
        #expect(server.rates.perHost == 1_000_000_000)
        #expect(server.rates.perStream == nil)
        #expect(server.rates.perOutput == ["x": 65_536])
        #expect(server.rates.burst == .seconds(2))
        #expect(server.limits.connectionsPerSecond == 100)
        #expect(try serverSettings(smallest).server.rates == RateLimits())
    }

    @Test func `listeners for load balancers stand beside the others`() throws {
        let text =
            "[proxy_protocol]\nlisten = \"0.0.0.0:7008\"\nfrom = [\"10.0.0.0/8\", \"::1\"]\n" + smallest
        let server = try serverSettings(text).server
        #expect(server.listeners.map(\.port) == [7_007, 7_008])
        #expect(server.listeners.map { $0.proxies?.count } == [nil, 2])
        #expect(server.proxies.count == 2)
    }
}
