import Foundation
import HamsterTesting
import Testing

/// What bytes and streams cost both programs in allocations, without OpenSSL's: unlike times, these hardly depend on the
/// machine. The bounds allow for the debug build, which needs four times as many as the other, and for a busy machine, on which
/// less comes at once: a path that allocates for each line goes far beyond.
@Suite(
    .enabled(
        if: !isSanitized,
        "a sanitizer has an allocator of its own"))
struct AllocationsAreBoundedTests {
    struct Count {
        var client: Int
        var server: Int

        static func - (more: Count, less: Count) -> Count {
            Count(client: more.client - less.client, server: more.server - less.server)
        }

        static func / (count: Count, number: Int) -> Count {
            Count(client: count.client / number, server: count.server / number)
        }
    }

    @Test func `for a MiB of one file`() async throws {
        let each =
            (try await allocations(files: 1, bytesEach: 72 << 20) - allocations(files: 1, bytesEach: 8 << 20)) / 64

        #expect(each.client < 400, "\(each)")
        #expect(each.server < 400, "\(each)")
    }

    @Test func `for a stream`() async throws {
        let each = (try await allocations(files: 220, bytesEach: 10) - allocations(files: 20, bytesEach: 10)) / 200

        #expect(each.client < 4_000, "\(each)")
        #expect(each.server < 6_000, "\(each)")
    }

    /// Of both programs from their start to their end, for files that are sent once over mutual TLS.
    private func allocations(files: Int, bytesEach: Int) async throws -> Count {
        let deployment = try await Deployment()
        let counter = try await counter(in: deployment.scratch)
        let paths = try (0..<files).map { number in
            try deployment.scratch.write("source/\(number).log", logText(bytes: bytesEach, seed: UInt64(number)))
        }
        let server = try deployment.start(
            "loghamsterd", ["--config", try deployment.writeServerConfiguration()],
            environment: ["LD_PRELOAD": counter, "ALLOCATIONS": deployment.scratch("server.count")])
        try await server.waitForError("listening address=127.0.0.1:\(deployment.port)")
        let client = try deployment.start(
            "loghamsterc", ["send", "--config", try deployment.writeClientConfiguration()] + paths,
            environment: ["LD_PRELOAD": counter, "ALLOCATIONS": deployment.scratch("client.count")])

        #expect(try await client.exitCode() == 0, "\(client.errors.suffix(1_000))")
        #expect(try await server.terminate() == 0)

        let numbers = try ["client", "server"].map { name in
            let text = String(decoding: try #require(deployment.scratch.contents("\(name).count")), as: UTF8.self)
            return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
        return Count(client: numbers[0], server: numbers[1])
    }

    private func counter(in scratch: ScratchDirectory) async throws -> String {
        let library = scratch("count.so")
        let compiler = try ChildProcess(
            "/usr/bin/env",
            ["clang", "-O2", "-shared", "-fPIC", "-o", library, "\(Repository.root)/Tests/allocations/count.c"],
            in: scratch)
        try #require(try await compiler.exitCode() == 0, "\(compiler.errors)")
        return library
    }
}
