import Foundation
import HamsterTesting
import Testing

/// An output of lines: whole ones only, of several files in one.
struct LinesOfManyFilesAreMergedTests {
    private static let output = "[output.app]\npath = \"merged.log\"\n"

    @Test func `whole lines of several files, each once and in its file's order, across kills of the server`()
        async throws
    {
        let deployment = try await Deployment()
        var server = try await deployment.startServer(extra: Self.output)
        let client = try deployment.startClient(input: "name = \"app\"\npath = \"source/*\"")
        let names = ["a", "b", "c", "d"]
        var expected: [String: [Substring]] = [:]

        for round in 0..<4 {
            for name in names {
                let lines = (0..<500).map {
                    "\(name) round \(round) line \($0) \(String(repeating: name, count: 60))\n"
                }
                // Some lines are cut in two by the way in which they are written.
                let text = lines.joined()
                for part in [text.prefix(10_007), text.dropFirst(10_007)] {
                    try deployment.scratch.append("source/\(name)", Array(part.utf8))
                }
                expected[name, default: []] += text.split(separator: "\n")
            }
            try await server.killNow()
            server = try await deployment.startServer(extra: Self.output)
        }

        let count = expected.values.map(\.count).reduce(0, +)
        try await eventually("\(count) lines") { lines(deployment).count >= count }
        let stored = lines(deployment)
        for name in names {
            let isSame = stored.filter { $0.hasPrefix("\(name) ") } == expected[name]
            #expect(isSame, "\(name)")
        }
        #expect(stored.count == count)
        #expect(try await client.terminate() == 0)
    }

    @Test func `an unfinished line waits for its end`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(extra: Self.output)
        let client = try deployment.startClient(input: "name = \"app\"\npath = \"source/*\"")

        try deployment.scratch.append("source/a", "first\nsec")
        try await eventually("the first line") { lines(deployment) == ["first"] }
        try deployment.scratch.append("source/b", "of b\n")
        try await eventually("the other file's line") { lines(deployment) == ["first", "of b"] }
        try deployment.scratch.append("source/a", "ond\n")

        try await eventually("the second line") { lines(deployment) == ["first", "of b", "second"] }
        #expect(try await client.terminate() == 0)
    }

    @Test func `a file that ends without a newline gets one`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(extra: Self.output)
        for name in ["a", "b"] {
            try deployment.scratch.write("source/\(name)/app.log", "first of \(name)\nlast of \(name)")
        }

        for name in ["a", "b"] {
            let result = try await deployment.send([deployment.scratch("source/\(name)/app.log")])
            #expect(result.exitCode == 0, "\(result.errors)")
        }

        let text = "first of a\nlast of a\nfirst of b\nlast of b\n"
        #expect(deployment.scratch.contents("stored/merged.log") == Array(text.utf8))
    }

    private func lines(_ deployment: Deployment) -> [Substring] {
        String(decoding: deployment.scratch.contents("stored/merged.log") ?? [], as: UTF8.self).split(separator: "\n")
    }
}
