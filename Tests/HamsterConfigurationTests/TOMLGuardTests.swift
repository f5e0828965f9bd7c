import HamsterConfiguration
import Testing

/// Texts at which the TOML parser would end the process.
struct TOMLGuardTests {
    @Test(arguments: ["[=]", "[[=]]", "[", "[[", "  [ /var/log ]", "[\u{1}]", "\u{FEFF}[*]", "[{}]", "[ü]"])
    func `a heading without a name is an error in its line`(heading: String) {
        let problems = problems { _ = try clientSettings("debug = true\n\(heading)\ndebug = 1\n") }

        #expect(
            problems.contains { $0.hasPrefix("/etc/lh/c.toml:2: ") && $0.contains("a table's name") }, "\(problems)")
    }

    @Test(arguments: ["1979-05-27T", "1979-05-27Tx", "1979-05-27 :", "[1979-05-27t]"])
    func `a date that promises a time is an error in its line`(value: String) {
        #expect(problems { _ = try clientSettings("\na = \(value)\n") }.contains { $0.contains(":2: ") })
    }

    @Test func `in a list of several lines such a line is no heading`() {
        let problems = problems { _ = try clientSettings("hosts = [\n[\n{ a = 1 }\n],\n]\n") }

        #expect(!problems.contains { $0.contains("a table's name") }, "\(problems)")
    }

    @Test func `a key that leads deeper than any is an error in its line`() {
        let key = Array(repeating: "a", count: 20_000).joined(separator: ".")

        #expect(problems { _ = try clientSettings("\n\(key) = 1\n") }.contains { $0.contains(":2: ") })
        #expect(problems { _ = try clientSettings("\n[\(key)]\n") }.contains { $0.contains(":2: ") })
    }

    @Test func `what would steer a terminal is escaped in an error`() {
        let problems = problems { _ = try clientSettings("a\u{1B}[2J = \"\u{7}\"\nx = 0xF\u{1}\n") }

        #expect(problems.count >= 2)
        #expect(problems.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } })
    }
}
