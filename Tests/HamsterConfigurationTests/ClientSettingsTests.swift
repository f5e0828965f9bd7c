import HamsterClient
import HamsterConfiguration
import HamsterCore
import HamsterTLS
import HamsterTail
import Testing

private let smallest = "[target]\nhostname = \"log\"\n[[input]]\npath = \"/a.log\"\n"

struct ClientSettingsTests {
    @Test func `the defaults are those of the documents`() throws {
        let settings = try clientSettings(smallest)

        #expect(settings.log == LogSettings())
        #expect(settings.stateDirectory == "/var/lib/loghamster")
        #expect(settings.client.hostName == "web1")
        #expect(settings.client.targets.map(\.description) == ["log:7007"])
        #expect(settings.client.targets.first?.tls == TLSClientConfiguration(serverName: "log"))
        #expect(!settings.client.offersCompression)
        #expect(settings.client.connectionsMax == 64)
        #expect(settings.client.connectTimeout == .seconds(10))
        #expect(settings.warnings == [])
    }

    @Test func `an input's defaults are those of the documents`() throws {
        let input = try #require(try clientSettings(smallest).client.inputs.first)

        #expect(input.name == nil)
        #expect(input.files.method == .watch)
        #expect(input.files.start == .beginning)
        #expect(input.chunkBytesMin == 4_096)
        #expect(input.flushInterval == .milliseconds(10))
        #expect(input.files.rotateWait == .seconds(5))
        #expect(input.closeIdle == .seconds(300))
        #expect(input.files.ignoreOlder == nil)
        #expect(input.metadata == [:])
    }

    @Test func `every value of an input is taken over`() throws {
        let text = """
            target = { hostname = "log" }
            [[input]]
            name = "app"
            path = ["/a/*.log", "b/**"]
            exclude = "*.gz"
            method = "once"
            start = "end"
            min_chunk = "1 MiB"
            flush_interval = "1s"
            rotate_wait = "0s"
            close_idle = "2h"
            ignore_older = "7d"
            meta = { env = "prod", "a.b" = "" }
            """
        let input = try #require(try clientSettings(text).client.inputs.first)

        #expect(input.name == "app")
        #expect(input.files.patterns.map(\.pattern) == ["/a/*.log", "/etc/lh/b/**"])
        #expect(input.files.exclude.map(\.pattern) == ["*.gz"])
        #expect(input.files.method == .once)
        #expect(input.files.start == .end)
        #expect(input.chunkBytesMin == 1 << 20)
        #expect(
            [input.flushInterval, input.files.rotateWait, input.closeIdle] == [.seconds(1), .zero, .seconds(7_200)])
        #expect(input.files.ignoreOlder == .seconds(7 * 86_400))
        #expect(input.metadata == ["env": "prod", "a.b": ""])
    }

    @Test func `several targets each have their own server name and the common port`() throws {
        let targets = try clientSettings(
            "target = { hosts = [\"a\", \"[::1]:1\", \"10.0.0.1:2\"], port = 9 }\n[[input]]\npath = \"/a\""
        ).client.targets

        #expect(targets.map(\.description) == ["a:9", "[::1]:1", "10.0.0.1:2"])
        #expect(targets.map(\.tls?.serverName) == ["a", "::1", "10.0.0.1"])
    }

    @Test(arguments: [
        ("log", "log:7007"), ("::1", "[::1]:7007"), ("fe80::1:2", "[fe80::1:2]:7007"), ("10.0.0.1", "10.0.0.1:7007"),
    ])
    func `a host name stands for itself, an address needs no brackets`(host: String, target: String) throws {
        let text = "target = { hostname = \"\(host)\" }\n[[input]]\npath = \"/a\""
        #expect(try clientSettings(text).client.targets.map(\.description) == [target])
    }

    @Test func `debug is short for a level, which an explicit level beats`() throws {
        #expect(try clientSettings("debug = true\n" + smallest).log.level == .debug)
        #expect(try clientSettings("debug = true\nlog_level = \"error\"\n" + smallest).log.level == .error)
    }

    @Test func `relative paths start at the file's directory`() throws {
        let text = """
            state = "state"
            target = { hostname = "log", tls = { ca = "ca.pem", cert = "../c.pem", key = "/k.pem" } }
            [[input]]
            path = ["./a.log", "../b/*.log"]
            """
        let settings = try clientSettings(text)

        #expect(settings.stateDirectory == "/etc/lh/state")
        let tls = try #require(settings.client.targets.first?.tls)
        #expect([tls.ca, tls.certificate, tls.key] == ["/etc/lh/ca.pem", "/etc/lh/../c.pem", "/k.pem"])
        #expect(settings.client.inputs[0].files.patterns.map(\.pattern) == ["/etc/lh/a.log", "/etc/b/*.log"])
    }

    @Test(arguments: [("log.example.com", 1), ("127.0.0.1", 0), ("localhost", 0), ("::1", 0), ("127.a.b.org", 1)])
    func `plain text is warned of where others can read it`(host: String, count: Int) throws {
        let text = "target = { hostname = \"\(host)\", tls = { enabled = false } }\n[[input]]\npath = \"/a\""
        #expect(try clientSettings(text).warnings.count == count)
    }
}

struct ClientOverridesTests {
    @Test func `the command line stands over the file, the file over the default`() throws {
        let text = """
            state = "/file"
            [target]
            hosts = ["file-a", "file-b"]
            port = 1
            tls = { ca = "/file-ca", cert = "/file-cert", key = "/file-key" }
            [[input]]
            path = "/a"
            """
        var overrides = ClientOverrides()
        overrides.target = "line:2"
        overrides.ca = "ca.pem"
        overrides.state = "state"
        overrides.isCompressed = true
        let settings = try clientSettings(text, overrides)

        #expect(settings.stateDirectory == "/home/me/state")
        #expect(settings.client.targets.map(\.description) == ["line:2"])
        #expect(settings.client.offersCompression)
        #expect(
            settings.client.targets.first?.tls
                == TLSClientConfiguration(
                    ca: "/home/me/ca.pem", certificate: "/file-cert", key: "/file-key", serverName: "line"))
    }

    @Test func `files of the command line take the place of the inputs`() throws {
        var overrides = ClientOverrides()
        overrides.target = "log"
        overrides.files = ["a*.log", "/x/../b", "./c//d"]
        overrides.name = "app"
        overrides.isOnce = true
        let settings = try ClientSettings(nil, overrides: overrides, defaults: systemDefaults)

        #expect(settings.client.inputs.count == 1)
        let input = try #require(settings.client.inputs.first)
        #expect(input.files.patterns.map(\.literalPath?.description) == ["/home/me/a*.log", "/b", "/home/me/c/d"])
        #expect(input.name == "app")
        #expect(input.files.method == .once)
    }

    @Test func `a problem names the option or the variable that it came from`() {
        var overrides = ClientOverrides()
        overrides.target = "log:x"
        #expect(
            problems { _ = try clientSettings(smallest, overrides) } == [
                "--target: target.hostname: expected HOST:PORT, got \"log:x\""
            ])

        overrides = ClientOverrides()
        overrides.certificate = "c.pem"
        overrides.sources = ["cert": "LOGHAMSTER_CERT"]
        #expect(
            problems { _ = try clientSettings(smallest, overrides) } == [
                "LOGHAMSTER_CERT: target.tls.cert: cert and key belong together: set both or neither"
            ])
    }

    @Test func `plain text must be asked for, by the file or by the option`() throws {
        var overrides = ClientOverrides()
        overrides.isPlaintext = true
        #expect(try clientSettings(smallest, overrides).client.targets.first?.tls == nil)
        #expect(try clientSettings(smallest).client.targets.first?.tls != nil)
    }
}
