import Foundation
import HamsterTesting
import Testing

/// Writes, rotations by rename and by copy, truncation, removal, replacement and new directories in random order, while
/// the client runs, is stopped and is killed: what can arrive arrives once and in order.
///
/// `LOGHAMSTER_SEED=17` is another run, `LOGHAMSTER_SEEDS=500` are the first 500.
struct FilesAreChangedAtRandomTests {
    @Test(.timeLimit(.minutes(5)), arguments: Seeds.upTo(5))
    func `what is done to files in random order loses and repeats nothing that can be sent`(seed: UInt64) async throws {
        let scene = try await ChangeScene(seed: seed)

        for _ in 0..<60 { try await scene.step() }

        try await scene.waitUntilAllIsStored()
    }
}

private final class ChangeScene {
    private static let logsMax = 5

    private let seed: UInt64
    private var generator: SeededGenerator
    private let deployment: Deployment
    private let input: String
    private var client: ChildProcess?
    private var logs: [ChangingLog] = []
    private var trace: [String] = []

    init(seed: UInt64) async throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        deployment = try await Deployment()
        _ = try await deployment.startServer()
        let end = generator.bool() ? "*" : ""
        input = "path = [\"source/*.log\(end)\", \"source/*/*.log\(end)\"]\nrotate_wait = \"10s\""
        for _ in 0..<generator.int(1...3) { try addLog() }
        try startClient()
    }

    private var view: ClientView { ClientView(client, in: deployment.scratch) }

    func step() async throws {
        switch generator.int(1...100) {
        case 1...8: try await (client == nil ? startClient() : stopClient())
        case 9...12 where logs.count < Self.logsMax: try addLog()
        case 13...20: try await pause()
        case 21...26: try await catchUp()
        case 27...60: try await change(generator.pick(logs))
        default: try await append(generator.pick(logs))
        }
    }
}

// MARK: - The client

extension ChangeScene {
    private func startClient() throws {
        note("start the client")
        client = try deployment.startClient(root: "debug = true", input: input)
    }

    private func stopClient() async throws {
        let signal = generator.pick([SIGTERM, SIGKILL])
        note("stop the client with signal \(signal)")
        client?.send(signal: signal)
        try await client?.exitCode()
        note("the client has ended; it said:\n\(lastLines)\n\(state)")
        client = nil
        for log in logs { log.clientStopped() }
    }

    private func pause() async throws {
        let end = ContinuousClock.now + .milliseconds(generator.int(1...60))
        note("pause")
        try await eventually("the end of a pause") { ContinuousClock.now >= end }
    }

    /// Waits until all that is due has arrived.
    private func catchUp() async throws {
        if client == nil { try startClient() }
        note("catch up")
        for log in logs { try await waitUntilComplete(log) }
    }

    private func waitUntilComplete(_ log: ChangingLog) async throws {
        let name = String(log.name.dropFirst("source/".count))
        var size = -1
        try await eventually("\(log.name) to be complete\n\(story(log))", timeout: .seconds(60)) {
            guard deployment.storedSize(name) != size else { return false }
            let output = deployment.stored(name) ?? []
            size = output.count
            switch log.history.compare(output) {
            case .complete: return true
            case .incomplete: return false
            case .wrong(let reason): throw TestingError("\(reason)\n\(story(log))")
            }
        }
    }

    func waitUntilAllIsStored() async throws {
        for log in logs { try await append(log) }
        try await catchUp()
        #expect(try await client?.terminate() == 0)
        for log in logs { try await waitUntilComplete(log) }
        #expect(try foreignOutputs() == [], "\(story(logs[0]))")
    }

    /// Outputs that hold anything of rotated files, which are sent as their logs alone, whatever the pattern takes.
    private func foreignOutputs() throws -> [String] {
        let root = deployment.scratch("stored/\(deployment.host)\(deployment.scratch("source"))")
        return try FileManager.default.subpathsOfDirectory(atPath: root).filter { name in
            !logs.contains { $0.name == "source/\(name)" } && !(deployment.stored(name) ?? []).isEmpty
        }
    }

    private func note(_ what: String) { trace.append("\(Date.now.timeIntervalSince1970) \(what)") }

    private func story(_ log: ChangingLog) -> String {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: deployment.scratch("source"))) ?? []
        return """
            seed \(seed), \(log.name), arrived/due/written: \(log.history.summary)
            \(trace.joined(separator: "\n"))
            files: \(names.sorted())
            input: \(input)
            \(lastLines)
            \(state)
            """
    }

    private var lastLines: String {
        client?.errors.split(separator: "\n").suffix(60).joined(separator: "\n") ?? "no client"
    }

    private var state: String {
        String(decoding: deployment.scratch.contents("client-state/client.state") ?? [], as: UTF8.self)
    }
}

// MARK: - The files

extension ChangeScene {
    private func addLog() throws {
        let number = logs.count + 1
        let name = generator.bool() ? "source/\(number).log" : "source/d\(number)/app.log"
        let directory = (deployment.scratch(name) as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let rotation = ChangingLog.Rotation(isCopying: generator.bool(), isDated: generator.bool())
        let log = ChangingLog(name, rotation, in: deployment.scratch)
        note("\(name) will be there, \(rotation)")
        logs.append(log)
    }

    private func append(_ log: ChangingLog) async throws {
        if !log.exists { try await CoarseClock.tick() }
        let count = generator.int(1...10) == 1 ? generator.int(10_000...400_000) : generator.int(0...3_000)
        note("\(log.name): append \(count)")
        try log.append(logText(bytes: count, seed: generator.next()))
        if generator.int(1...3) == 1 { try log.close() }
    }

    private func change(_ log: ChangingLog) async throws {
        guard log.exists, try await isKnown(log) else { return try await append(log) }
        if client != nil, generator.int(1...3) == 1 { try await waitUntilComplete(log) }
        try await CoarseClock.tick()
        switch generator.int(1...8) {
        case 1: try await truncate(log)
        case 2: try await remove(log)
        case 3: try await replace(log)
        default: try await rotate(log)
        }
    }

    private func truncate(_ log: ChangingLog) async throws {
        note("\(log.name): truncate")
        try log.truncate()
    }

    private func remove(_ log: ChangingLog) async throws {
        note("\(log.name): remove")
        try log.remove(view)
        try await goOn(log)
    }

    private func replace(_ log: ChangingLog) async throws {
        note("\(log.name): replace")
        try log.replace(with: logText(bytes: generator.int(0...50_000), seed: generator.next()), view)
        try await goOn(log)
    }

    private func rotate(_ log: ChangingLog) async throws {
        if log.rotation.isCopying { return try await copy(log) }
        note("\(log.name): rename")
        try log.rename(view)
        try await goOn(log)
    }

    private func copy(_ log: ChangingLog) async throws {
        note("\(log.name): copy and truncate")
        try log.copyAndTruncate(view)
    }

    /// The program may write some more to the file that it has open, then it opens its path anew.
    private func goOn(_ log: ChangingLog) async throws {
        for _ in 0..<generator.int(0...2) { try log.append(logText(bytes: 500, seed: generator.next())) }
        try log.close()
        if generator.bool() { try await append(log) }
    }

    /// What is rotated before the client has ever seen the path is no part of the promise.
    private func isKnown(_ log: ChangingLog) async throws -> Bool {
        guard client != nil else { return view.knows(log.name) }
        try await eventually("\(log.name) in the state\n\(story(log))") { view.knows(log.name) }
        return true
    }
}
