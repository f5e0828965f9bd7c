import Foundation
import HamsterTesting
import Testing

/// A host with a valid certificate asks for other hosts' names and for paths outside its folder.
struct HostsReachForOthersFilesTests {
    @Test func `another host's name is refused, however it is written`() async throws {
        let siege = try await Siege()

        for (host, code) in Self.hosts {
            let attacker = try await siege.attacker()
            let reply = try await attacker.ask("INIT STREAM \(host):/a.log")
            #expect(reply.hasPrefix("\(code) "), "\(host): \(reply)")
        }

        try await siege.expectNoHarm()
    }

    /// Names that are none are 400; names of others are 403.
    private static let hosts: KeyValuePairs = [
        "honest": 403, "HONEST": 403, "h%6fnest": 403, "web2": 403, "web1.": 403, "web1.example.com": 403,
        "localhost": 403, "127.0.0.1": 403, "[::1]": 403, "web": 403, "web11": 403, "Test": 403,
        "*": 400, "web*": 400, "web1%00": 400, "web1%00.honest": 400, "web1,honest": 400, "web1%20honest": 400,
        "web1%0ahonest": 400, "../honest": 400, "web1/../honest": 400, "..": 400, "": 400, "-web1": 400,
    ]

    @Test func `a path that is no plain path is refused`() async throws {
        let siege = try await Siege()

        for path in Self.badPaths {
            let attacker = try await siege.attacker()
            let reply = try await attacker.ask("INIT STREAM web1:\(path)")
            #expect(reply.hasPrefix("400 "), "\(path): \(reply)")
            #expect(reply.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        }

        try await siege.expectNoHarm(hosts: [])
    }

    private static let badPaths = [
        "/..", "/../honest/honest.log", "/a/../../honest/honest.log", "/%2e%2e/honest/honest.log",
        "/a/%2e%2e%2f%2e%2e%2fhonest%2fhonest.log", "/.", "/a/./b", "//a", "/a//b", "/a/", "/", "a", "",
        "/a%00", "/%00/a", "/a%00/../../honest/honest.log", "/a%", "/a%0", "/a%zz",
        "/" + String(repeating: "n", count: 4_000), "/" + String(repeating: "n", count: 256),
        String(repeating: "/n", count: 65), String(repeating: "/" + String(repeating: "n", count: 240), count: 18),
    ]

    @Test func `an odd name that is a name is one below the host's folder`() async throws {
        let siege = try await Siege()

        for (path, file) in Self.oddPaths {
            let attacker = try await siege.attacker()
            let reply = try await attacker.ask("INIT STREAM web1:\(path)")
            #expect(reply == "200 OK Ready to accept data", "\(path): \(siege.server.errors.suffix(500))")
            try await attacker.send("odd")
            try await attacker.finish()
            #expect(try await attacker.linesUntilEnd() == [])
            #expect(siege.deployment.scratch.contents("stored/web1/\(file)") == Array("odd".utf8), "\(path)")
        }

        // What an operator sees on a terminal is text, whatever the names are.
        let last = try await siege.attacker()
        try await last.open("web1:/%1b[2J%0a%c2%9b ack:1 file:a offset:0")
        let status = try await siege.deployment.status()
        #expect(status.output.contains("web1:/\\u{1b}[2J\\u{a}\\u{9b}"), "\(status.output)")
        #expect(status.output.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
        try await siege.expectNoHarm()
    }

    private static let longName = String(repeating: "n", count: 255)
    private static let oddPaths: KeyValuePairs = [
        "/-rf": "-rf", "/--/-a": "--/-a", "/~root": "~root", "/...": "...", "/a%0d%0ab": "a\r\nb",
        "/%1b[2J%07": "\u{1B}[2J\u{07}", "/%7f": "\u{7F}", "/$(id)": "$(id)", "/`id`": "`id`", "/a;b|c": "a;b|c",
        "/%2e%2e.a": "...a", "/c:/windows": "c:/windows", "/{host}": "{host}", "/%25%32%65%25%32%65": "%2e%2e",
        "/\(longName)": longName,
        "/d\(longName.dropLast())/\(longName)": "d\(longName.dropLast())/\(longName)",
    ]

    @Test func `values of a stream lead an output nowhere else`() async throws {
        let siege = try await Siege(
            extra: """
                [output.app]
                match = { svc = "app" }
                path = "{host}/by/{meta.app}/{basename}"
                """)
        let target = siege.deployment.scratch("outside.log")

        for value in ["/etc/passwd", target, "..", ".", "../../honest", "-rf", "a\u{1B}[2Jb", "a\nb", "", "\0"] {
            let attacker = try await siege.attacker()
            let encoded = value.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            try await attacker.open("web1:/x.log svc:app app:\(encoded)")
            try await attacker.send("odd\n")
            try await attacker.finish()
            #expect(try await attacker.linesUntilEnd() == [])
        }

        let names = try FileManager.default.contentsOfDirectory(atPath: siege.deployment.scratch("stored/web1/by"))
        #expect(names.count == 10, "\(names)")
        for name in names {
            #expect(name.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !name.hasPrefix("-"), "\(name)")
            #expect(siege.deployment.scratch.contents("stored/web1/by/\(name)/x.log") == Array("odd\n".utf8))
        }
        try await siege.expectNoHarm()
    }
}
