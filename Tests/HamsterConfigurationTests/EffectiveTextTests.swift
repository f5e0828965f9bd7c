import HamsterClient
import HamsterConfiguration
import HamsterTesting
import Testing

/// What `check` prints is a configuration itself, and means the same.
struct EffectiveTextTests {
    @Test(arguments: 0..<100)
    func `a client's effective text parses again to the same settings`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let first = try clientSettings(random.clientConfiguration())
        let second = try clientSettings(first.text, path: "/elsewhere/c.toml")

        #expect(second.text == first.text)
        #expect(second.summary == first.summary)
    }

    @Test(arguments: 0..<100)
    func `a server's effective text parses again to the same settings`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let first = try serverSettings(random.serverConfiguration())
        let second = try serverSettings(first.text, path: "/elsewhere/d.toml")

        #expect(second.text == first.text)
        #expect("\(second.server) \(second.log)" == "\(first.server) \(first.log)")
    }

    @Test func `defaults are printed with their values`() throws {
        let text = try clientSettings("[target]\nhostname = \"log\"\n[[input]]\npath = \"a.log\"\n").text
        #expect(
            text == """
                debug = false
                log_level = "info"
                log_format = "text"
                state = "/var/lib/loghamster"
                hostname = "web1"

                [target]
                port = 7007
                # hosts: none
                hostname = "log"
                compress = false
                max_connections = 64
                connect_timeout = "10s"
                # rate_limit: none

                [target.tls]
                enabled = true
                # ca: none
                # cert: none
                # key: none
                # server_name: none
                min_version = "1.3"
                renew = false

                [[input]]
                # name: none
                path = ["/etc/lh/a.log"]
                # exclude: none
                method = "watch"
                start = "beginning"
                onrotate = "follow"
                min_chunk = "4 KiB"
                flush_interval = "10ms"
                rotate_wait = "5s"
                close_idle = "5m"
                # ignore_older: none

                [prometheus]
                enabled = false
                listen = "127.0.0.1:8092"
                path = "/metrics"

                """)
    }

    @Test func `what the server listens on and where it writes is printed, also where it is the default`() throws {
        let text = try serverSettings("tls = { enabled = false }").text

        #expect(text.contains("\nlisten = [\"0.0.0.0:7007\"]\n"))
        #expect(text.contains("\ndirectory = \"/var/log/loghamster\"\n"))
        #expect(text.contains("\nstate = \"/var/lib/loghamster\"\n"))
    }
}

extension ClientSettings {
    /// Everything but the text, in an order of its own: dictionaries have none.
    fileprivate var summary: String {
        var plain = client
        let metadata = client.inputs.map { $0.metadata.sorted { $0.key < $1.key }.description }
        for index in plain.inputs.indices { plain.inputs[index].metadata = [:] }
        return "\(plain) \(metadata) \(log) \(stateDirectory) \(metrics.map { "\($0)" } ?? "-") \(warnings)"
    }
}

extension SeededGenerator {
    private static let characters = "ab*? .-é/\\\"#=[]{}'\u{1}\u{7F}\t\n\r"

    /// A basic string of TOML with every character escaped that can be.
    private func quoted(_ text: String) -> String {
        "\""
            + text.unicodeScalars.map {
                "\\U" + String(String(UInt64($0.value) + 0x1_0000_0000, radix: 16).dropFirst())
            }
            .joined()
            + "\""
    }

    private mutating func any() -> String { quoted(text(1...6, of: Self.characters)) }

    private mutating func maybe(_ key: String, _ value: (inout Self) -> String) -> String {
        bool() ? "\(key) = \(value(&self))\n" : ""
    }

    private mutating func log() -> String {
        maybe("debug") { "\($0.bool())" }
            + maybe("log_level") { $0.pick(["\"trace\"", "\"notice\"", "\"error\""]) }
            + maybe("log_format") { $0.pick(["\"text\"", "\"json\""]) }
            + maybe("state") { $0.any() }
    }

    private mutating func duration() -> String { pick(["\"100ms\"", "\"1500ms\"", "\"60s\"", "\"1 m\""]) }

    mutating func clientConfiguration() -> String {
        var text = log() + maybe("hostname") { $0.pick(["\"web-2\"", "\"fe80::1\""]) }
        text += "[target]\n"
        text += pick(["hostname = \"log\"\n", "hosts = [\"a:1\", \"[::1]\"]\n", "hosts = \"10.0.0.1:9\"\n"])
        text += maybe("port") { "\($0.int(1...65_535))" } + maybe("compress") { "\($0.bool())" }
        text += maybe("connect_timeout") { $0.duration() } + "[target.tls]\n"
        text += maybe("ca") { $0.any() } + maybe("server_name") { $0.any() }
        text += maybe("enabled") { "\($0.bool())" } + maybe("min_version") { $0.pick(["\"1.2\"", "\"1.3\""]) }
        for _ in 0..<int(1...3) { text += input() }
        return text
    }

    private mutating func input() -> String {
        var text = "[[input]]\npath = [\"x/*.log\", \(quoted("/é\\*'\" .log"))]\n" + maybe("name") { $0.any() }
        text += maybe("exclude") { $0.pick(["\"*.gz\"", "[\"a\", '\\*', \"[!a]*\"]"]) }
        text += maybe("method") { $0.pick(["\"watch\"", "\"once\""]) } + maybe("start") { _ in "\"end\"" }
        text += maybe("min_chunk") { $0.pick(["1", "\"1 kB\"", "\"16 MiB\"", "\"1025B\""]) }
        text += maybe("rotate_wait") { $0.duration() } + maybe("ignore_older") { _ in "\"36500d\"" }
        if bool() { text += "[input.meta]\nenv = \(any())\n\"a.b\" = \(any())\n" }
        return text
    }

    mutating func serverConfiguration() -> String {
        var text = log() + maybe("listen") { $0.pick(["\":7007\"", "[\"[::1]:1\", \"0.0.0.0:0\"]"]) }
        text += maybe("directory") { $0.any() } + maybe("threads") { "\($0.int(0...8))" }
        text += maybe("fallback") { "\($0.bool())" } + "[tls]\ncert = \(any())\nkey = \(any())\n"
        if bool() {
            text += "client_ca = \(any())\n" + maybe("client_auth") { $0.pick(["\"optional\"", "\"require\""]) }
            text += maybe("crl") { $0.any() }
            text += maybe("allow") { _ in "[{ certificate = \"r\", hosts = [\"web*\"] }, { certificate = \"s\" }]" }
        }
        text += "[durability]\n" + maybe("commit_interval") { $0.duration() } + maybe("sync") { _ in "\"os\"" }
        text += "[limits]\n" + maybe("max_line") { _ in "\"2 MB\"" } + maybe("idle_timeout") { $0.duration() }
        for name in ["plain", "my app", "a.b", "é\"\\"] where bool() {
            text += "[output.\(quoted(name))]\npath = \(quoted("x/y \\é\".log"))\n" + maybe("mode") { _ in "\"0600\"" }
            text += maybe("rotate") {
                $0.pick(["{ size = \"1 GiB\", every = \"1d\", keep = 14 }", "{ every = \"1h\", names = \"dated\" }"])
            }
            text += maybe("framing") { $0.pick(["\"bytes\"", "\"lines\""]) } + maybe("owner") { _ in "\"1:2\"" }
        }
        return text
    }
}
