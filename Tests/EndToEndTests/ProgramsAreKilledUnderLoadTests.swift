import Foundation
import HamsterTesting
import Testing

/// `kill -9` of both sides at random moments while eight files grow by 10 MB/s together.
///
/// `LOGHAMSTER_KILL_SECONDS=300` makes it longer, `LOGHAMSTER_SEED=17` another one (`make torture`).
struct ProgramsAreKilledUnderLoadTests {
    @Test(.timeLimit(.minutes(10)))
    func `killing both sides under load loses and repeats nothing`() async throws {
        let seconds = Seeds.number("LOGHAMSTER_KILL_SECONDS") ?? 60
        let seed = Seeds.upTo(1)[0]
        var generator = SeededGenerator(seed: seed)
        let deployment = try await Deployment()
        let input = "path = \"source/*.log\""
        var server = try await deployment.startServer(extra: "[durability]\nsync = \"commit\"")
        var client = try deployment.startClient(input: input)
        var kills = (server: 0, client: 0)
        var load = try Load(deployment, SeededGenerator(seed: seed &+ 1))
        try await load.waitUntilKnown()
        let end = ContinuousClock.now + .seconds(seconds)

        while ContinuousClock.now < end {
            try await load.write(for: .milliseconds(generator.int(20...900)))
            let victims = generator.int(1...5)
            if victims != 1 {
                try await client.killNow()
                kills.client += 1
            }
            if victims < 4 {
                try await server.killNow()
                kills.server += 1
                try await load.write(for: .milliseconds(generator.int(0...200)))
                server = try await deployment.startServer(extra: "[durability]\nsync = \"commit\"")
            }
            if !client.isRunning { client = try deployment.startClient(input: input) }
        }

        try await load.waitUntilStored(seed, client)
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
        print(
            "seed \(seed): \(load.byteCount) bytes shipped, client killed \(kills.client) times, server \(kills.server)"
        )
    }
}

/// Eight files that grow by as much as the time that has passed asks for. Half of them are rotated by rename.
private struct Load {
    private static let bytesPerSecond = 10_000_000
    /// More than a step of the clock of births: files that are born in one step have no order.
    private static let rotationPause: Duration = .milliseconds(50)
    private static let names = (1...8).map { "\($0).log" }

    private let deployment: Deployment
    private var generator: SeededGenerator
    /// What the pieces are cut from.
    private let filling = logText(bytes: 1_000_000)
    /// The files of each name, oldest first.
    private var files: [String: [String]] = [:]
    private var counts: [String: Int] = [:]
    private var rotatedAt: [String: ContinuousClock.Instant] = [:]
    private var pieces = 0

    init(_ deployment: Deployment, _ generator: SeededGenerator) throws {
        self.deployment = deployment
        self.generator = generator
        for name in Self.names {
            files[name] = [name]
            try write(Array("\(name): begin\n".utf8), to: name)
        }
    }

    /// Waits until the client's state on disk has all paths: what is rotated away before that is no part of the promise.
    func waitUntilKnown() async throws {
        try await eventually("the files in the client's state") {
            let state = String(decoding: deployment.scratch.contents("client-state/client.state") ?? [], as: UTF8.self)
            return Self.names.allSatisfy { state.contains("/\($0)\n") }
        }
    }

    var byteCount: Int { counts.values.reduce(0, +) }

    mutating func write(for duration: Duration) async throws {
        let start = ContinuousClock.now
        let before = byteCount
        try await eventually("\(duration) of writing", timeout: duration + patience) {
            let passed = min(ContinuousClock.now - start, duration)
            let due = before + Int(Double(Self.bytesPerSecond) * (passed / .seconds(1)))
            while byteCount < due { try writePiece() }
            return passed == duration
        }
    }

    private mutating func writePiece() throws {
        let name = generator.pick(Self.names)
        pieces += 1
        let start = generator.int(0...900_000)
        let piece = Array("\(name): piece \(pieces)\n".utf8) + filling[start..<start + generator.int(0...50_000)]
        try write(piece, to: name)
        if name < "5", generator.int(1...100) == 1 { try rotate(name) }
    }

    private mutating func write(_ piece: [UInt8], to name: String) throws {
        try deployment.scratch.append("source/\(name)", piece)
        counts[name, default: 0] += piece.count
    }

    private mutating func rotate(_ name: String) throws {
        if let last = rotatedAt[name], ContinuousClock.now < last + Self.rotationPause { return }
        rotatedAt[name] = .now
        let rotated = "\(name).\(files[name, default: []].count)"
        try deployment.scratch.rename("source/\(name)", to: "source/\(rotated)")
        try deployment.scratch.append("source/\(name)", "")
        files[name, default: []].insert(rotated, at: files[name, default: []].count - 1)
    }

    func waitUntilStored(_ seed: UInt64, _ client: ChildProcess) async throws {
        for name in Self.names {
            let count = counts[name] ?? 0
            try await eventually(
                "\(count) bytes of \(name), seed \(seed); there are \(deployment.storedSize(name))\n\(log(client, name))"
            ) {
                deployment.storedSize(name) == count
            }
            let written = try files[name, default: []].reduce(into: Data()) {
                $0 += try Data(contentsOf: URL(fileURLWithPath: deployment.scratch("source/\($1)")))
            }
            let isSame = written.elementsEqual(deployment.stored(name) ?? [])
            #expect(isSame, "\(name), seed \(seed)")
        }
    }

    private func log(_ client: ChildProcess, _ name: String) -> String {
        client.errors.split(separator: "\n").filter { $0.contains("/\(name)") }.suffix(30).joined(separator: "\n")
    }
}
