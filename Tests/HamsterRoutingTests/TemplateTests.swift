import HamsterCore
import HamsterRouting
import Testing

struct PathTemplateTests {
    private let facts = StreamFacts(
        source: StreamSource(host: "web1", path: SourcePath("/var/log/app.log")), service: "app",
        metadata: ["env": "prod"], certificateNames: ["web1.example.com", "other"], streamID: "9f2c1a4be07d",
        date: "2024-01-31")

    private func path(_ template: String, _ facts: StreamFacts? = nil) throws -> String {
        try PathTemplate(template).destination(for: facts ?? self.facts).description
    }

    private func problem(_ template: String) -> String? {
        do throws(TemplateError) {
            _ = try PathTemplate(template)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        ("{host}/{path}", "web1/var/log/app.log"), ("{path}", "var/log/app.log"), ("{path}.log", "var/log/app.log.log"),
        ("/srv/{host}/{basename}", "/srv/web1/app.log"), ("{host}/{dirname}/x", "web1/var/log/x"),
        ("{svc}-{meta.env}.log", "app-prod.log"),
        ("{certificate}/{date}/{stream}", "web1.example.com/2024-01-31/9f2c1a4be07d"),
        ("{meta.role}/x", "_/x"), ("plain.log", "plain.log"), ("/var/log/messages", "/var/log/messages"),
    ])
    func `fields stand for the stream's values`(template: String, expected: String) throws {
        #expect(try path(template) == expected)
    }

    @Test(arguments: [
        ("..", "%2E."), (".", "%2E"), ("-rf", "%2Drf"), ("a/../../b", "a%2F..%2F..%2Fb"), ("", "_"), ("a\nb", "a%0Ab"),
        ("\u{0}", "%00"), ("...", "..."), ("-", "%2D"), ("/", "%2F"), ("ä", "ä"), ("a-b", "a-b"), ("a%2F", "a%252F"),
    ])
    func `a value leads nowhere else, and keeps to one component`(value: String, component: String) throws {
        var facts = facts
        facts.metadata["env"] = value
        #expect(try path("x/{meta.env}/y", facts) == "x/\(component)/y")
        facts.service = value
        #expect(try path("x/{svc}", facts) == "x/\(component)")
    }

    @Test func `two values together are no dots either`() throws {
        var facts = facts
        (facts.service, facts.metadata["env"]) = (".", ".")
        #expect(try path("x/{svc}{meta.env}/y", facts) == "x/%2E./y")
        #expect(try path("x/{svc}./y", facts) == "x/%2E./y")
    }

    @Test func `a path keeps its directories, and a file at the root has none`() throws {
        var facts = facts
        facts.source.path = SourcePath("/-a")
        #expect(try path("{host}/{path}", facts) == "web1/-a")
        #expect(try path("{host}/{basename}", facts) == "web1/%2Da")
        #expect(try path("{host}/{dirname}/x", facts) == "web1/x")
    }

    @Test(arguments: [
        ("{hots}", "unknown field '{hots}'"), ("{host", "'{' without '}'"), ("host}", "'}' without '{'"),
        ("{meta.}", "unknown field '{meta.}'"), ("a//b", "expected a path without"), ("", "expected a path without"),
        ("a/../b", "expected a path without"), ("./a", "expected a path without"), ("a/", "expected a path without"),
        ("{host}{path}", "'{path}' brings directories"), ("x{dirname}", "'{dirname}' brings directories"),
        ("{dirname}x", "'{dirname}' brings directories"), ("{a/b}", "unknown field '{a/b}'"),
    ])
    func `what is wrong with a template is said when it is read`(template: String, beginning: String) {
        #expect(problem(template)?.hasPrefix(beginning) == true, "\(problem(template) ?? "nothing")")
    }

    @Test func `names that no file system takes are refused`() throws {
        var facts = facts
        facts.metadata["env"] = String(repeating: "x", count: 255)
        #expect(try path("{meta.env}", facts).utf8.count == 255)
        #expect(throws: TemplateError.self) { try path("{meta.env}.", facts) }
        facts.source.path = SourcePath(String(repeating: "/a", count: 80))
        #expect(throws: TemplateError.self) { try path("x/{path}", facts) }
    }

    @Test(arguments: [
        ("{host}/{path}", true), ("{host}/{dirname}/{basename}", true), ("{stream}", true), ("{path}", false),
        ("{host}/{basename}", false), ("x", false), ("{host}/{date}", false), ("{dirname}/{host}-{basename}", false),
        ("{path}.{host}", false), ("{host}/{path}.log", false),
    ])
    func `a template tells whether each source has a file of its own`(template: String, isOfOneSource: Bool) throws {
        #expect(try PathTemplate(template).isOfOneSource == isOfOneSource)
    }

    @Test func `a prefix keeps to its line`() throws {
        var facts = facts
        facts.metadata["env"] = "a\nb\u{1B}[2J"
        let prefix = try LinePrefix("{host} {svc} {meta.env} {meta.x}: ")
        #expect(String(decoding: prefix.bytes(for: facts), as: UTF8.self) == "web1 app a?b?[2J _: ")
        facts.service = String(repeating: "x", count: 1_000)
        #expect(prefix.bytes(for: facts).count == 256)
        #expect(throws: TemplateError.self) { try LinePrefix("a\n") }
        #expect(throws: TemplateError.self) { try LinePrefix("{x}") }
    }
}
