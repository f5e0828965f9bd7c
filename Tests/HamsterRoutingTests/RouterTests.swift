import HamsterCore
import HamsterRouting
import Testing

struct RouterTests {
    static let rules = [
        OutputRule(name: "message", destination: .absolute(SourcePath("/var/log/messages")), framing: .lines),
        OutputRule(name: "app", destination: .beneath([Array("app.log".utf8)]), framing: .lines),
        OutputRule(name: "zz", destination: .absolute(SourcePath("/var/log/app.log")), framing: .bytes),
    ]

    private func route(
        _ path: String, host: String = "web1", service: String = "", hasFallback: Bool = true
    ) -> OutputRule? {
        Router(rules: Self.rules, hasFallback: hasFallback).route(
            StreamSource(host: host, path: SourcePath(path)), service: service)
    }

    @Test(arguments: [
        ("/x", "message", "message"), ("/x", "app", "app"), ("/var/log/messages", "", "message"),
        ("/var/log/messages", "other", "message"), ("/var/log/app.log", "", "zz"), ("/app.log", "", "_fallback"),
        ("/x", "", "_fallback"), ("/x", "App", "_fallback"), ("/x", "_fallback", "_fallback"),
        ("/var/log/messages/", "", "_fallback"),
    ])
    func `an output takes the streams with its name as service, or with its path`(
        path: String, service: String, output: String
    ) {
        #expect(route(path, service: service)?.name == output)
    }

    @Test func `of two that would take a stream the first by name does`() {
        #expect(route("/var/log/messages", service: "app")?.name == "app")
        #expect(route("/var/log/app.log", service: "message")?.name == "message")
        #expect(route("/var/log/messages", service: "zz")?.name == "message")
    }

    @Test func `without a fallback a stream that none takes goes nowhere`() {
        #expect(route("/x", hasFallback: false) == nil)
        #expect(route("/x", service: "app", hasFallback: false)?.name == "app")
    }

    @Test(arguments: [
        ("web1", "/var/log/a", "web1/var/log/a"), ("fe80::1", "/a", "fe80::1/a"), ("A", "/a:b c", "A/a:b c"),
    ])
    func `the fallback is a replica below a folder of the host`(host: String, path: String, destination: String) {
        let rule = route(path, host: host)
        #expect(rule?.destination.description == destination)
        #expect(rule?.framing == .bytes)
        #expect(rule?.mode == 0o640)
    }

    @Test func `the fallback keeps bytes that are not UTF-8`() {
        let source = StreamSource(host: "h", path: SourcePath(bytes: [0x2F, 0xFF]))
        let rule = Router(rules: [], hasFallback: true).route(source, service: "")
        #expect(rule?.destination == .beneath([Array("h".utf8), [0xFF]]))
    }
}
