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

    @Test func `of three targets the first one that is there is used, again after each return`() async throws {
        let first = try await Deployment()
        try await first.startServer().terminate()
        let (second, third) = (try SecondServer(of: first), try SecondServer(of: first, name: "third"))
        try await third.waitUntilListening()
        try await second.stop()
        let hosts = "hosts = [\"127.0.0.1:\(first.port)\", \"127.0.0.1:\(second.port)\", \"127.0.0.1:\(third.port)\"]"
        let client = try first.startClient(target: hosts)
        let parts = (1...3).map { logText(bytes: 20_000, seed: UInt64($0)) }

        try first.scratch.append("source/a.log", parts[0])
        try await eventually("the first part on the third server") { third.stored("a.log") == parts[0] }
        try second.start()
        try await client.waitForError("target is back target=127.0.0.1:\(second.port)")
        try first.scratch.append("source/a.log", parts[1])
        try await eventually("the second part on the second server") { second.stored("a.log") == parts[1] }
        _ = try await first.startServer()
        try await client.waitForError("target is back target=127.0.0.1:\(first.port)")
        try first.scratch.append("source/a.log", parts[2])

        // Each has what was sent while it was the one.
        try await first.waitUntilStored("a.log", parts[2])
        #expect(try await client.terminate() == 0)
    }
}

/// Another server beside a deployment's, with outputs and a state of its own.
private final class SecondServer {
    let port: Int
    private let reserved: ReservedPort
    private let deployment: Deployment
    private let name: String
    private let file: String
    private var process: ChildProcess

    init(of deployment: Deployment, name: String = "second") throws {
        self.deployment = deployment
        self.name = name
        reserved = try ReservedPort()
        port = reserved.number
        let configuration = String(decoding: deployment.scratch.contents("server.toml") ?? [], as: UTF8.self)
            .replacing("\"stored\"", with: "\"stored-\(name)\"").replacing("server-state", with: "state-\(name)")
            .replacing("127.0.0.1:\(deployment.port)", with: "127.0.0.1:\(port)")
        file = try deployment.scratch.write("\(name).toml", configuration)
        process = try deployment.start("loghamsterd", ["--config", file])
    }

    func waitUntilListening() async throws { try await process.waitForError("listening") }

    func start() throws { process = try deployment.start("loghamsterd", ["--config", file]) }

    func stop() async throws {
        try await waitUntilListening()
        #expect(try await process.terminate() == 0)
    }

    func stored(_ name: String) -> [UInt8]? {
        deployment.scratch.contents("stored-\(self.name)/\(deployment.host)\(deployment.scratch("source/\(name)"))")
    }
}
