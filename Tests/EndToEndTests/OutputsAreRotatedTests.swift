import Foundation
import HamsterTesting
import Synchronization
import Testing

/// logrotate, or somebody with `rm`, at the server's outputs while data flows.
struct OutputsAreRotatedTests {
    private static let rounds = 5

    @Test(arguments: [false, true])
    func `logrotate with create and SIGHUP takes and repeats no byte, and no stream reconnects`(
        isLines: Bool
    ) async throws {
        let scene = try await RotationScene(isLines: isLines)
        let source = scene.source
        let client = try scene.deployment.startClient(input: "name = \"app\"\npath = \"source/app.log\"")

        for _ in 0..<Self.rounds {
            try await source.write(ticks: 20)
            async let written: Void = source.write(ticks: 20)
            try await scene.logrotate("create\npostrotate\n  kill -HUP \(scene.server.processID)\nendscript")
            try await written
        }

        try await scene.waitUntilAllIsStored(files: Self.rounds + 1)
        #expect(scene.server.errors.components(separatedBy: "stream opened").count - 1 == 1)
        #expect(scene.server.errors.contains("configuration is reloaded"))
        let open = try scene.server.openFiles().filter { $0.hasPrefix(scene.output + ".") }
        #expect(open == [])
        #expect(try await client.terminate() == 0)
        #expect(try await scene.server.terminate() == 0)
    }

    @Test func `a rename without a signal is noticed`() async throws {
        let scene = try await RotationScene(isLines: false)
        let source = scene.source
        _ = try scene.deployment.startClient(input: "path = \"source/app.log\"")

        for _ in 0..<Self.rounds {
            try await source.write(ticks: 20)
            try await scene.logrotate("create")
            try await source.write(ticks: 20)
        }

        try await scene.waitUntilAllIsStored(files: Self.rounds + 1)
        #expect(scene.server.errors.components(separatedBy: "stream opened").count - 1 == 1)
    }

    @Test(arguments: [false, true])
    func `killing the server between the rename and its end loses and repeats nothing`(isLines: Bool) async throws {
        let scene = try await RotationScene(isLines: isLines)
        let source = scene.source
        let client = try scene.deployment.startClient(input: "name = \"app\"\npath = \"source/app.log\"")

        for round in 0..<Self.rounds {
            try await source.write(ticks: 10)
            async let written: Void = source.write(ticks: 20)
            // With the signal and without: the kill comes at any moment of what they set off.
            let signal = round.isMultiple(of: 2) ? "kill -HUP \(scene.server.processID)" : "true"
            try await scene.logrotate("create\npostrotate\n  \(signal)\nendscript")
            try await scene.restartServer()
            try await written
        }

        try await scene.waitUntilAllIsStored(files: Self.rounds + 1)
        #expect(try await client.terminate() == 0)
    }

    @Test func `what a removed output had not acknowledged comes again into a new one`() async throws {
        let scene = try await RotationScene(isLines: false)
        let source = scene.source
        _ = try scene.deployment.startClient(input: "path = \"source/app.log\"")
        try await source.write(ticks: 20)
        try await eventually("an output") { FileManager.default.fileExists(atPath: scene.output) }
        let removed = try #require(FileHandle(forReadingAtPath: scene.output))

        async let written: Void = source.write(ticks: 30)
        try FileManager.default.removeItem(atPath: scene.output)
        try await written
        // What was written before may all be in the removed file, and acknowledged.
        try await source.write(ticks: 1)

        try await eventually("the end of what was written") {
            scene.contents("").suffix(200) == source.written.suffix(200)
        }
        let stored = scene.contents("")
        let isSuffix = source.written.suffix(stored.count) == stored[...]
        #expect(isSuffix)
        let removedCount = try removed.readToEnd()?.count ?? 0
        #expect(source.written.count - stored.count <= removedCount, "a byte is neither here nor there")
    }

    @Test func `copytruncate makes no hole, and what comes later survives a kill`() async throws {
        let scene = try await RotationScene(isLines: false)
        let source = scene.source
        let client = try scene.deployment.startClient(input: "path = \"source/app.log\"")
        try await source.write(ticks: 5)
        try await scene.waitUntilAllIsStored(files: 1)

        try await scene.logrotate("copytruncate")
        try await source.write(ticks: 20)
        try await scene.restartServer()
        try await source.write(ticks: 5)

        try await scene.waitUntilAllIsStored(files: 2)
        #expect(scene.allErrors.contains("was cut by another program"))
        #expect(try await client.terminate() == 0)
    }
}

/// A server that stores `source/app.log`, somebody who writes it, and the rotated outputs.
private final class RotationScene {
    let deployment: Deployment
    private(set) var server: ChildProcess
    let source: GrowingSource
    private let isLines: Bool
    private var errorsBefore = ""

    init(isLines: Bool) async throws {
        deployment = try await Deployment()
        source = GrowingSource(deployment.scratch)
        self.isLines = isLines
        server = try await deployment.startServer(extra: Self.outputs(isLines))
    }

    private static func outputs(_ isLines: Bool) -> String { isLines ? "[output.app]\npath = \"lines.log\"" : "" }

    var output: String {
        isLines
            ? deployment.scratch("stored/lines.log")
            : deployment.scratch("stored/\(deployment.host)\(deployment.scratch("source/app.log"))")
    }

    var allErrors: String { errorsBefore + server.errors }

    /// The output, or a rotated one.
    func contents(_ suffix: String) -> [UInt8] {
        FileManager.default.contents(atPath: output + suffix).map { Array($0) } ?? []
    }

    func restartServer() async throws {
        try await server.killNow()
        errorsBefore += server.errors
        server = try await deployment.startServer(extra: Self.outputs(isLines))
    }

    /// Runs the real program once; `options` are lines for the output's section.
    func logrotate(_ options: String) async throws {
        try await eventually("an output") { FileManager.default.fileExists(atPath: output) }
        let configuration = try deployment.scratch.write(
            "logrotate.conf", "\(output) {\nrotate 99\nnocompress\n\(options)\n}\n")
        let process = try ChildProcess(
            "/usr/sbin/logrotate", ["--force", "--state", deployment.scratch("logrotate.state"), configuration],
            in: deployment.scratch)
        let code = try await process.exitCode()
        guard code == 0 else { throw TestingError("logrotate: \(process.errors)") }
    }

    /// Waits until the outputs, the oldest first, are together what was written.
    func waitUntilAllIsStored(files: Int) async throws {
        let names = (1..<files).reversed().map { ".\($0)" } + [""]
        try await eventually("\(source.written.count) bytes; there are \(names.map { contents($0).count })") {
            names.flatMap { contents($0) } == source.written
        }
    }
}

/// Somebody who appends lines to `source/app.log`.
private final class GrowingSource: Sendable {
    private let scratch: ScratchDirectory
    private let state = Mutex((count: 0, written: [UInt8]()))

    init(_ scratch: ScratchDirectory) { self.scratch = scratch }

    var written: [UInt8] { state.withLock { $0.written } }

    /// A piece at each poll of a test: every 10 ms.
    func write(ticks: Int) async throws {
        var ticksLeft = ticks
        try await eventually("\(ticks) ticks") {
            guard ticksLeft > 0 else { return true }
            ticksLeft -= 1
            try state.withLock { state in
                state.count += 1
                let piece = logText(bytes: 20_000, seed: UInt64(state.count)) + Array("piece \(state.count)\n".utf8)
                try scratch.append("source/app.log", piece)
                state.written += piece
            }
            return false
        }
    }
}
