import Foundation
import HamsterTesting
import Testing

/// `hosts = [a, b]`: the second serves while the first is away, and the first again when it is back.
struct TargetsTakeOverTests {
    @Test func `the second target is used while the first is down, and the first when it is back`() async throws {
        let first = try await Deployment()
        var server = try await first.startServer()
        let firstPort = first.port
        let second = try SecondServer(of: first)
        try await second.waitUntilListening()
        let hosts = "hosts = [\"127.0.0.1:\(firstPort)\", \"127.0.0.1:\(second.port)\"]"
        let client = try first.startClient(target: hosts)
        let parts = (1...3).map { logText(bytes: 50_000, seed: UInt64($0)) }

        try first.scratch.append("source/a.log", parts[0])
        try await first.waitUntilStored("a.log", parts[0])
        #expect(try await server.terminate() == 0)
        try first.scratch.append("source/a.log", parts[1])
        try await eventually("the second part on the second server") { second.stored("a.log") == parts[1] }
        server = try await first.startServer()
        try await client.waitForError("target is back")
        try first.scratch.append("source/a.log", parts[2])

        // It says how far it had come, and gets what it has missed.
        try await first.waitUntilStored("a.log", parts[0] + parts[1] + parts[2])
        #expect(try await client.terminate() == 0)
    }
}

/// Another server beside a deployment's, with outputs and a state of its own.
private struct SecondServer {
    private let deployment: Deployment
    private let process: ChildProcess

    init(of deployment: Deployment) throws {
        self.deployment = deployment
        let configuration = String(decoding: deployment.scratch.contents("server.toml") ?? [], as: UTF8.self)
            .replacing("\"stored\"", with: "\"stored2\"").replacing("server-state", with: "server-state2")
            .replacing("127.0.0.1:\(deployment.port)", with: "127.0.0.1:0")
        let file = try deployment.scratch.write("server2.toml", configuration)
        process = try deployment.start("loghamsterd", ["--config", file])
    }

    func waitUntilListening() async throws { try await process.waitForError("listening") }

    var port: Int {
        let line = process.errors.split(separator: "\n").first { $0.contains("listening") } ?? ""
        return line.split(separator: ":").last.flatMap { Int($0) } ?? 0
    }

    func stored(_ name: String) -> [UInt8]? {
        deployment.scratch.contents("stored2/\(deployment.host)\(deployment.scratch("source/\(name)"))")
    }
}
