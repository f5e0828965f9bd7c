import Foundation
import HamsterTesting
import Testing

/// The client's state cut, flipped, emptied or replaced: a clean resume or one clear line, never a wrong offset.
struct DamagedStatesAreSurvivedTests {
    private static let state = "client-state/client.state"

    @Test(arguments: Seeds.upTo(1))
    func `a state that is cut anywhere, or has a flipped bit, costs and repeats nothing`(seed: UInt64) async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        var generator = SeededGenerator(seed: seed)
        var written: [String: [UInt8]] = [:]
        let damages: [(inout SeededGenerator, [UInt8]) -> [UInt8]] = [
            { _, _ in [] },
            { generator, bytes in Array(bytes.prefix(generator.int(1...bytes.count - 1))) },
            { _, bytes in bytes.dropLast() },
            { generator, bytes in Self.flipped(bytes, at: generator.int(0...bytes.count - 1), &generator) },
            { generator, bytes in Self.flipped(bytes, at: bytes.count - 2, &generator) },
            { generator, bytes in bytes + bytes.suffix(generator.int(1...bytes.count)) },
            { generator, bytes in generator.bytes(1...2_000, of: UInt8.min...UInt8.max) },
        ]

        for round in 0..<2 * damages.count {
            for name in ["a.log", "b.log"] {
                let piece = logText(bytes: 5_000, seed: UInt64(round))
                try deployment.scratch.append("source/\(name)", piece)
                written[name, default: []] += piece
            }
            let client = try deployment.startClient()
            for (name, bytes) in written { try await deployment.waitUntilStored(name, bytes) }
            #expect(try await client.terminate() == 0)
            let before = try #require(deployment.scratch.contents(Self.state))
            let after = damages[round % damages.count](&generator, before)
            try deployment.scratch.write(Self.state, after)
        }

        let client = try deployment.startClient()
        try await client.waitForError("connected")
        for name in written.keys { try deployment.scratch.append("source/\(name)", "the end\n") }
        for (name, bytes) in written { try await deployment.waitUntilStored(name, bytes + Array("the end\n".utf8)) }
        #expect(try await client.terminate() == 0, "seed \(seed)")
    }

    private static func flipped(_ bytes: [UInt8], at index: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        bytes[index] ^= 1 << UInt8(generator.int(0...7))
        return bytes
    }

    @Test(arguments: ["client-state/client.state/", "client-state/client.lock/"])
    func `a directory in the place of a file is one line and exit code 74`(name: String) async throws {
        let deployment = try await Deployment()
        try FileManager.default.createDirectory(atPath: deployment.scratch(name), withIntermediateDirectories: true)

        let client = try deployment.startClient()

        #expect(try await client.exitCode() == 74, "\(client.errors)")
        #expect(client.errors.split(separator: "\n").count == 1, "\(client.errors)")
        #expect(client.errors.hasPrefix("loghamsterc: cannot use the state"), "\(client.errors)")
    }

    @Test func `a state directory that is a file is one line and exit code 74`() async throws {
        let deployment = try await Deployment()
        try deployment.scratch.write("client-state", "")

        let client = try deployment.startClient()

        #expect(try await client.exitCode() == 74, "\(client.errors)")
        #expect(client.errors.split(separator: "\n").count == 1, "\(client.errors)")
    }

    @Test func `a state directory that vanishes is reported once, and files go on arriving`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        try deployment.scratch.write("source/a.log", "one\n")
        var client = try deployment.startClient()
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try deployment.scratch.rename("client-state", to: "elsewhere")
        try deployment.scratch.append("source/a.log", "two\n")
        try await client.waitForError("state not saved")
        try deployment.scratch.append("source/a.log", "three\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\nthree\n".utf8))
        try await client.killNow()
        client = try deployment.startClient()
        try await client.waitForError("connected")
        try deployment.scratch.append("source/a.log", "four\n")

        try await deployment.waitUntilStored("a.log", Array("one\ntwo\nthree\nfour\n".utf8))
        #expect(try await client.terminate() == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
    func `a state directory that may not be written is one line and exit code 77`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        try deployment.scratch.write("source/a.log", "one\n")
        let file = try deployment.writeClientConfiguration(tls: "enabled = false", input: "path = \"source/*\"")
        try FileManager.default.createDirectory(
            atPath: deployment.scratch("client-state"), withIntermediateDirectories: true)
        chmod(deployment.scratch.path, 0o755)

        let client = try ChildProcess(
            "setpriv", ["--reuid=65534", "--clear-groups", try await readableProgram(deployment), "--config", file],
            in: deployment.scratch)

        #expect(try await client.exitCode() == 77, "\(client.errors)")
        #expect(client.errors.split(separator: "\n").last?.hasPrefix("loghamsterc: cannot use the state") == true)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
    func `a state that may not be read is one line and exit code 77, and stays as it is`() async throws {
        let deployment = try await Deployment.plain()
        try deployment.scratch.write("source/a.log", "one\n")
        let file = try deployment.writeClientConfiguration(tls: "enabled = false", input: "path = \"source/*\"")
        let state = try deployment.scratch.write(Self.state, "loghamster-client-state 1\n")
        chmod(state, 0)
        chown(deployment.scratch("client-state"), 65_534, 65_534)
        chmod(deployment.scratch.path, 0o755)

        let client = try ChildProcess(
            "setpriv", ["--reuid=65534", "--clear-groups", try await readableProgram(deployment), "--config", file],
            in: deployment.scratch)

        #expect(try await client.exitCode() == 77, "\(client.errors)")
        let expected = "loghamsterc: cannot use the state: \(state): open: permission denied"
        #expect(client.errors.split(separator: "\n").last?.hasPrefix(expected) == true, "\(client.errors)")
        #expect(deployment.scratch.contents(Self.state) == Array("loghamster-client-state 1\n".utf8))
    }

    /// Where everybody may execute it.
    ///
    /// By a program of its own: one that another test starts just now would inherit our writer, and then nobody may
    /// execute the copy (ETXTBSY).
    private func readableProgram(_ deployment: Deployment) async throws -> String {
        let copy = deployment.scratch("loghamsterc")
        let copying = try ChildProcess(
            "cp", [try Repository.program("loghamsterc"), copy], in: deployment.scratch)
        #expect(try await copying.exitCode() == 0)
        return copy
    }
}
