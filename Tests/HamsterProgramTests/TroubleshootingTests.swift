import Foundation
import HamsterTesting
import Testing

/// Who looks for a message in docs/operations.md has it from a log: the programs must say it so.
struct TroubleshootingTests {
    @Test func `every message of the troubleshooting is one that the programs say`() throws {
        let known = try sources() + systemReasons()
        let messages = try messages()

        #expect(messages.count > 15, "\(messages)")
        for message in messages {
            for part in Self.fixedParts(of: message) {
                #expect(known.contains { $0.contains(part) }, "'\(part)' of '\(message)'")
            }
        }
    }

    /// The code at the beginning of each entry and of each row.
    private func messages() throws -> [String] {
        let text = try contents("docs/operations.md")
        let section = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix("Troubleshooting") })
        return section.split(separator: "\n").flatMap { line -> [String] in
            let isEntry = line.hasPrefix("**`")
            guard isEntry || line.hasPrefix("| `") else { return [] }
            let head = isEntry ? line.components(separatedBy: "**")[1] : line.components(separatedBy: " | ")[0]
            return head.matches(of: /`([^`]+)`/).map { String($0.1) }
        }
    }

    /// What stands between the values of a message: names in quotes, numbers, the side that it is about, and what is left out. Behind a colon comes often
    /// another error's text.
    private static func fixedParts(of message: String) -> [String] {
        message.split(separator: /…|: |\bthe (?:server|client)\b|'[^' ]*'|[a-z]+=|"|\b[0-9]{3}\b/).map {
            $0.trimmingCharacters(in: [" ", ","])
        }
        .filter { $0.count > 3 }
    }

    /// All sources, each with texts of several lines put together.
    private func sources() throws -> [String] {
        let folder = "\(Repository.root)/Sources"
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
        return try files.map { try contents("Sources/\($0)").replacing(/"\s*\+\s*"/, with: "") }
    }

    /// The system's own, as the programs say them.
    private func systemReasons() -> [String] {
        (1..<134 as Range<Int32>).map { code in
            let text = String(cString: strerror(code))
            return text.prefix(1).lowercased() + text.dropFirst()
        }
    }

    private func contents(_ path: String) throws -> String {
        try String(contentsOfFile: "\(Repository.root)/\(path)", encoding: .utf8)
    }
}
