import Foundation
import HamsterTesting
import Testing

/// `kill -9` of either side while files grow: nothing is lost, nothing comes twice.
struct ProgramsAreKilledWhileDataFlowsTests {
    private static let files = ["a.log", "b.log", "c.log"]
    private static let rounds = 6
    /// Ticks of a round, each of some 10 ms: at 50 KB a tick about 5 MB/s.
    private static let ticks = 30

    @Test(arguments: ["server", "client"], [false, true])
    func `killing a side at random moments loses and repeats nothing`(victim: String, isCompressed: Bool) async throws {
        let deployment = try await Deployment()
        let target = isCompressed ? "compress = true" : ""
        var server = try await deployment.startServer()
        var client = try deployment.startClient(target: target)
        var writer = PacedWriter(scratch: deployment.scratch, files: Self.files)

        for _ in 0..<Self.rounds {
            let moment = Int.random(in: 0..<Self.ticks)
            try await writer.write(ticks: moment)
            if victim == "server" {
                try await server.killNow()
                try await writer.write(ticks: Self.ticks - moment)
                server = try await deployment.startServer()
            } else {
                try await client.killNow()
                try await writer.write(ticks: Self.ticks - moment)
                client = try deployment.startClient(target: target)
            }
        }

        for name in Self.files { try await deployment.waitUntilStored(name, writer.written[name] ?? []) }
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    @Test func `killing the server while files are rotated keeps their order`() async throws {
        let deployment = try await Deployment()
        var server = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/app.log\"")
        var writer = PacedWriter(scratch: deployment.scratch, files: ["app.log"])

        for round in 0..<Self.rounds {
            try await writer.write(ticks: Int.random(in: 1..<Self.ticks))
            try await deployment.waitUntilFollowed("app.log")
            try deployment.scratch.rename("source/app.log", to: "source/app.log.\(round)")
            try await writer.write(ticks: Int.random(in: 1..<Self.ticks))
            try await server.killNow()
            server = try await deployment.startServer()
        }

        try await deployment.waitUntilStored("app.log", writer.written["app.log"] ?? [])
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }
}

/// Appends to files in the rhythm in which a test polls, every piece different from all others.
private struct PacedWriter {
    private static let pieceBytes = 50_000
    private static let filling = logText(bytes: 50_000)

    let scratch: ScratchDirectory
    let files: [String]
    private(set) var written: [String: [UInt8]] = [:]
    private var count = 0

    init(scratch: ScratchDirectory, files: [String]) {
        self.scratch = scratch
        self.files = files
    }

    mutating func write(ticks: Int) async throws {
        let end = count + ticks
        try await eventually("\(ticks) ticks") {
            guard count < end else { return true }
            count += 1
            for name in files {
                let piece = Array("\(name): piece \(count)\n".utf8) + Self.filling.prefix(Self.pieceBytes / files.count)
                try scratch.append("source/\(name)", piece)
                written[name, default: []] += piece
            }
            return false
        }
    }
}
