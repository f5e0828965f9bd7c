import Foundation
import HamsterTesting
import Testing

/// logrotate(8) as people set it up, with a program that goes on logging: what arrives is what was written.
struct LogrotateRotatesFilesTests {
    enum Way: String, CaseIterable {
        case create, copytruncate, dateext, dateextCopytruncate, delaycompress

        func directives(_ writer: SteadyWriter) -> String {
            let reopening = "create\npostrotate\n\(writer.reopenCommand)\nendscript\n"
            return switch self {
            case .create: "nocompress\n\(reopening)"
            case .copytruncate: "nocompress\ncopytruncate"
            case .dateext: "nocompress\ndateext\ndateformat -%Y%m%d-%s\n\(reopening)"
            case .dateextCopytruncate: "nocompress\ncopytruncate\ndateext\ndateformat -%s"
            case .delaycompress: "compress\ndelaycompress\n\(reopening)"
            }
        }

        var isCopying: Bool { self == .copytruncate || self == .dateextCopytruncate }
        /// The file before the last one is compressed at each rotation, and only uncompressed ones can be read.
        var isCompressing: Bool { self == .delaycompress }
    }

    private static let patterns = ["app.log", "app.log*"]

    @Test(arguments: Way.allCases, patterns)
    func `what is rotated while the client runs arrives whole and in order`(way: Way, pattern: String) async throws {
        let scene = try await LogrotateScene(way, pattern)

        for _ in 0..<4 { try await scene.rotate() }

        try await scene.waitUntilAllIsStored()
    }

    @Test(arguments: Way.allCases, patterns)
    func `what is rotated while the client is down arrives whole and in order`(
        way: Way, pattern: String
    ) async throws {
        let scene = try await LogrotateScene(way, pattern)

        for signal in [SIGTERM, SIGKILL] {
            try await scene.stopClient(signal)
            for _ in 0..<(way.isCompressing ? 1 : 3) { try await scene.rotate() }
            try scene.startClient()
            try await scene.rotate()
        }

        try await scene.waitUntilAllIsStored()
    }

    @Test(arguments: Way.allCases, patterns)
    func `a file that is rotated while the client loses its state is finished`(
        way: Way, pattern: String
    ) async throws {
        let scene = try await LogrotateScene(way, pattern)
        try await scene.rotate()
        try await scene.waitUntilCaughtUp()
        try await scene.stopClient(SIGTERM)

        try FileManager.default.removeItem(atPath: scene.deployment.scratch("client-state"))
        try await scene.rotate()
        try scene.startClient()

        try await scene.waitUntilAllIsStored()
    }
}

/// A program that logs to `source/app.log`, logrotate, and a client.
private final class LogrotateScene {
    let deployment: Deployment
    private let way: LogrotateRotatesFilesTests.Way
    private let input: String
    private let writer: SteadyWriter
    private let logrotate: Logrotate
    private var client: ChildProcess

    init(_ way: LogrotateRotatesFilesTests.Way, _ pattern: String) async throws {
        self.way = way
        deployment = try await Deployment()
        _ = try await deployment.startServer()
        // The writer goes on in the old file for a moment, which may be long on a busy machine.
        input = "path = \"source/\(pattern)\"\nexclude = [\"*.gz\", \"*-reopen\"]\nrotate_wait = \"5s\""
        let file = deployment.scratch("source/app.log")
        writer = try SteadyWriter(file, seed: UInt64(way.rawValue.utf8.reduce(0) { $0 + UInt64($1) }))
        logrotate = try Logrotate(file, way.directives(writer), in: deployment.scratch)
        client = try deployment.startClient(input: input)
        // What is rotated before the client has ever seen the path is no part of the promise.
        try await writer.write(atLeast: 30_000)
        try await waitUntilCaughtUp()
    }

    func startClient() throws { client = try deployment.startClient(input: input) }

    func stopClient(_ signal: Int32) async throws {
        if way.isCompressing { try await waitUntilCaughtUp() }
        client.send(signal: signal)
        try await client.exitCode()
    }

    /// Rotates in the midst of the writing; a copy is made while nothing is written, since logrotate itself would lose it.
    func rotate() async throws {
        if way.isCompressing, client.isRunning { try await deployment.waitUntilFollowed("app.log") }
        try await writer.write(atLeast: 30_000)
        if way.isCopying { writer.holdOn() }
        try await logrotate.run()
        writer.goOn()
        try await writer.write(atLeast: 30_000)
    }

    func waitUntilCaughtUp() async throws {
        let count = writer.byteCount
        try await eventually("\(count) bytes; \(client.errors.suffix(2_000))") {
            deployment.storedSize("app.log") >= count
        }
    }

    func waitUntilAllIsStored() async throws {
        let written = try await writer.stop()
        do {
            try await deployment.waitUntilStored("app.log", written)
        } catch {
            throw TestingError("\(error)\n\(difference(written))\n\(client.errors.suffix(4_000))")
        }
        #expect(try await client.terminate() == 0)
    }

    private func difference(_ written: [UInt8]) -> String {
        let stored = deployment.stored("app.log") ?? []
        let same = zip(stored, written).prefix { $0 == $1 }.count
        let names = (try? FileManager.default.contentsOfDirectory(atPath: deployment.scratch("source"))) ?? []
        return "the first \(same) bytes are the same; files: \(names.sorted())"
    }
}
