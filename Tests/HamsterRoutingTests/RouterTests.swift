import HamsterCore
import HamsterRouting
import Testing

struct RouterTests {
    private func rule(
        _ name: String, _ path: String, _ conditions: [(StreamMatch.Subject, [String])] = [], priority: Int = 0
    ) throws -> OutputRule {
        let match = try conditions.map { try #require(StreamMatch.Condition($0.0, $0.1)) }
        return OutputRule(
            name: name, match: match.isEmpty ? nil : StreamMatch(match), priority: priority,
            action: .write(.init(path: try PathTemplate(path), framing: .lines)))
    }

    private func facts(_ source: String, service: String = "", _ metadata: [String: String] = [:]) -> StreamFacts {
        let parts = source.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return StreamFacts(
            source: StreamSource(host: String(parts[0]), path: SourcePath("/\(parts[1])")), service: service,
            metadata: metadata, certificateNames: ["web1.example.com", "WEB1"])
    }

    private func name(_ decision: Router.Decision) -> String? {
        switch decision {
        case .write(let route): route.output
        case .denied(let output): "denied by \(output)"
        case .impossible(let output, _): "impossible in \(output)"
        case .none: nil
        }
    }

    @Test(arguments: [
        ("h/x", "message", "message"), ("h/x", "app", "app"), ("h/var/log/messages", "", "message"),
        ("h/var/log/messages", "other", "message"), ("h/var/log/app.log", "", "zz"), ("h/app.log", "", "_fallback"),
        ("h/x", "App", "_fallback"), ("h/x", "_fallback", "_fallback"), ("h/var/log/messages/", "", "_fallback"),
        ("h/var/log/messages", "app", "app"), ("h/var/log/app.log", "message", "message"),
        ("h/var/log/messages", "zz", "message"),
    ])
    func `without a match an output takes the streams with its name as service, or with its path`(
        source: String, service: String, output: String
    ) throws {
        let rules = [
            try rule("message", "/var/log/messages"), try rule("app", "app.log"), try rule("zz", "/var/log/app.log"),
        ]
        #expect(name(Router(rules: rules, hasFallback: true).route(facts(source, service: service))) == output)
        let strict = name(Router(rules: rules, hasFallback: false).route(facts(source, service: service)))
        #expect(strict == (output == "_fallback" ? nil : output))
    }

    @Test(
        arguments: [
            ([(StreamMatch.Subject.host, ["web*", "db?"])], "web1/a", true),
            ([(.host, ["web*", "db?"])], "db10/a", false),
            ([(.host, ["WEB1"])], "Web1/a", true), ([(.path, ["/var/log/*.log"])], "h/var/log/a.log", true),
            ([(.path, ["/var/log/*.log"])], "h/var/log/x/a.log", false),
            ([(.path, ["/var/**/*.log"])], "h/var/log/x/a.log", true), ([(.path, ["/A"])], "h/a", false),
            ([(.service, ["nginx"])], "h/a", true), ([(.service, [""])], "h/a", false),
            ([(.metadata("env"), ["prod", "test"])], "h/a", true), ([(.metadata("role"), ["*"])], "h/a", false),
            ([(.certificate, ["*.example.com"])], "h/a", true), ([(.certificate, ["web1"])], "h/a", true),
            ([(.certificate, ["web2*"])], "h/a", false), ([(.host, ["web*"]), (.path, ["/b"])], "web1/a", false),
            ([(.host, ["web*"]), (.path, ["/a"]), (.service, ["ng*"])], "web1/a", true),
        ] as [([(StreamMatch.Subject, [String])], String, Bool)])
    func `every condition of a match has to hold, with one of its patterns`(
        conditions: [(StreamMatch.Subject, [String])], source: String, isTaken: Bool
    ) throws {
        let router = Router(rules: [try rule("a", "x", conditions)], hasFallback: false)
        let facts = facts(source, service: "nginx", ["env": "test"])
        #expect(name(router.route(facts)) == (isTaken ? "a" : nil))
        #expect((router.trials(facts).first?.obstacle == nil) == isTaken)
    }

    @Test func `the highest priority decides, then the name`() throws {
        let all: [(StreamMatch.Subject, [String])] = [(.path, ["**"])]
        var rules = [
            try rule("b", "x", all), try rule("c", "x", all), try rule("low", "x", all, priority: -1),
            try rule("a", "x"),
        ]
        #expect(name(Router(rules: rules, hasFallback: true).route(facts("h/a"))) == "b")
        #expect(name(Router(rules: rules, hasFallback: true).route(facts("h/a", service: "a"))) == "a")
        rules.append(try rule("z", "x", all, priority: 2))
        rules.append(OutputRule(name: "y", match: rules[1].match, priority: 3, action: .deny))
        #expect(name(Router(rules: rules, hasFallback: true).route(facts("h/a", service: "a"))) == "denied by y")
        #expect(Router(rules: rules, hasFallback: true).rules.map(\.name) == ["y", "z", "a", "b", "c", "low"])
    }

    @Test func `what was tried is told with what was found`() throws {
        let rules = [
            try rule("a", "x", [(.host, ["web*", "db*"])]), try rule("b", "/b"),
            try rule("c", "x", [(.metadata("env"), ["prod"])]), try rule("d", "x", [(.service, ["s"])]),
            try rule("e", "x", [(.path, ["**"])]),
        ]
        let trials = Router(rules: rules, hasFallback: true).trials(facts("mail/a", service: "s"))
        #expect(
            trials.map { "\($0.output): \($0.obstacle ?? "taken")" } == [
                "a: host is 'mail', not 'web*' or 'db*'",
                "b: has no match, and neither its name is the stream's svc nor its path the stream's",
                "c: has no meta.env, which had to be 'prod'", "d: taken",
            ])
    }

    @Test(arguments: [
        ("web1", "/var/log/a", "web1/var/log/a"), ("fe80::1", "/a", "fe80::1/a"), ("A", "/a:b c", "A/a:b c"),
    ])
    func `the fallback is a replica below a folder of the host`(host: String, path: String, destination: String) {
        let source = StreamSource(host: host, path: SourcePath(path))
        guard case .write(let route) = Router(rules: [], hasFallback: true).route(StreamFacts(source: source)) else {
            Issue.record("nothing takes the stream")
            return
        }
        #expect(route.destination.description == destination)
        #expect(route.framing == .bytes)
        #expect(route.mode == 0o640)
    }

    @Test func `the fallback keeps bytes that are not UTF-8`() {
        let facts = StreamFacts(source: StreamSource(host: "h", path: SourcePath(bytes: [0x2F, 0xFF])))
        guard case .write(let route) = Router(rules: [], hasFallback: true).route(facts) else {
            Issue.record("nothing takes the stream")
            return
        }
        #expect(route.destination == .beneath([Array("h".utf8), [0xFF]]))
    }
}

/// The quick way against the slow and obvious one.
struct RouterPropertyTests {
    private var random = SeededGenerator(seed: 1)

    private func draw(_ parts: [String], _ count: ClosedRange<Int>, _ random: inout SeededGenerator) -> String {
        (0..<Int.random(in: count, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
    }

    @Test func `any rules take any stream as trying them one by one says`() throws {
        var random = self.random
        let texts = ["a", "b", "web", "/", "/var/log/", ".log", "-"]
        let patterns = texts + ["*", "**", "?", "[ab]", "**/"]
        var taken = 0
        for _ in 0..<300 {
            let rules = try (0..<Int.random(in: 1...12, using: &random)).map { index in
                let subjects: [StreamMatch.Subject] = [.host, .path, .service, .metadata("env"), .certificate]
                let conditions = try (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    let count = Int.random(in: 1...3, using: &random)
                    return try #require(
                        StreamMatch.Condition(
                            subjects[Int.random(in: 0..<subjects.count, using: &random)],
                            (0..<count).map { _ in draw(patterns, 0...5, &random) }))
                }
                return OutputRule(
                    name: "\(index)", match: conditions.isEmpty ? nil : StreamMatch(conditions),
                    priority: Int.random(in: 0...2, using: &random),
                    action: .write(.init(path: try PathTemplate("x"), framing: .lines)))
            }
            let router = Router(rules: rules, hasFallback: false)
            for _ in 0..<30 {
                let facts = StreamFacts(
                    source: StreamSource(
                        host: draw(["a", "web", "B"], 1...4, &random),
                        path: SourcePath("/" + draw(texts, 0...5, &random))),
                    service: draw(texts + ["1", "2"], 0...2, &random), metadata: ["env": draw(texts, 0...3, &random)],
                    certificateNames: [draw(texts, 0...3, &random)])
                let slow = router.trials(facts).last.flatMap { $0.obstacle == nil ? $0.output : nil }
                var quick: String?
                if case .write(let route) = router.route(facts) { quick = route.output }
                #expect(quick == slow)
                taken += quick == nil ? 0 : 1
            }
        }
        #expect(taken > 1_000)
    }
}

/// SplitMix64: the same draws in every run.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
