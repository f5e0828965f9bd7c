import HamsterTesting
import Testing

/// The client's limit of open files is reached while it runs: what is open goes on, the rest waits and is told of once.
struct DescriptorsRunOutOnTheClientTests {
    @Test func `files that are rotated and made meanwhile arrive once there are descriptors again`() async throws {
        var scene = try await Scene(names: ["a.log", "b.log", "open.log"])

        let (start, limit) = (ContinuousClock.now, try await scene.client.useUpDescriptors())
        for generation in 1...3 {
            for name in ["a.log", "b.log"] { try scene.rotate(name, generation: generation) }
            for number in 0..<5 { try scene.append("new-\(generation)-\(number).log", "new\n") }
            try scene.append("open.log", "\(generation)\n")
            try await scene.waitUntilStored("open.log")
        }
        try await scene.client.waitForError("raise the limit of open files")
        try scene.append("open.log", "the end\n")
        try await scene.waitUntilStored("open.log")
        #expect(scene.missingCount > 5)
        try await scene.client.setDescriptorLimit(limit)

        try await scene.waitUntilStored()
        let minutes = Int((ContinuousClock.now - start) / .seconds(60))
        let lines = scene.client.errors.split(separator: "\n").filter { $0.contains("raise the limit of open files") }
        let shortages = lines.filter { $0.contains(/cannot look at a file|files wait until others are closed/) }
        #expect((1...1 + minutes).contains(shortages.count), "\(shortages)")
        let unsaved = lines.count { $0.contains("state not saved") }
        // The service and the files' first bytes each have their own.
        #expect(unsaved <= 2 * (1 + minutes), "\(lines)")
        #expect(!lines.contains { $0.contains("file not shipped for now") }, "\(lines)")
        #expect(try await scene.client.terminate() == 0)
    }

    @Test func `a server that is restarted meanwhile gets all that it lacks`() async throws {
        var scene = try await Scene(names: ["a.log", "b.log", "open.log"])

        let limit = try await scene.client.useUpDescriptors()
        try await scene.server.killNow()
        try scene.rotate("a.log", generation: 1)
        for number in 0..<20 { try scene.append("new-\(number).log", "new\n") }
        for name in ["a.log", "b.log", "open.log"] { try scene.append(name, "more\n") }
        try await scene.client.waitForError("raise the limit of open files")
        scene.server = try await scene.deployment.startPlainServer()
        try scene.append("open.log", "the end\n")
        try await scene.client.setDescriptorLimit(limit)

        try await scene.waitUntilStored()
        #expect(try await scene.client.terminate() == 0)
    }
}

/// A client whose files have arrived so far, and what was written to them.
private struct Scene {
    let deployment: Deployment
    var server: ChildProcess
    let client: ChildProcess
    private var written: [String: [UInt8]] = [:]

    init(names: [String]) async throws {
        deployment = try await Deployment.plain()
        server = try await deployment.startPlainServer()
        for name in names { try deployment.scratch.append("source/\(name)", "the first line\n") }
        client = try deployment.startClient(tls: "enabled = false", input: "path = \"source/*.log\"")
        for name in names {
            written[name] = Array("the first line\n".utf8)
            try await waitUntilStored(name)
        }
    }

    mutating func append(_ name: String, _ text: String) throws {
        try deployment.scratch.append("source/\(name)", text)
        written[name, default: []] += Array(text.utf8)
    }

    /// By rename, with a last line that comes after it.
    mutating func rotate(_ name: String, generation: Int) throws {
        for number in (1..<generation).reversed() {
            try deployment.scratch.rename("source/\(name).\(number)", to: "source/\(name).\(number + 1)")
        }
        try deployment.scratch.rename("source/\(name)", to: "source/\(name).1")
        let late = "late \(generation)\n"
        try deployment.scratch.append("source/\(name).1", late)
        written[name, default: []] += Array(late.utf8)
        try append(name, "file \(generation)\n")
    }

    /// Files of which nothing has arrived.
    var missingCount: Int { written.keys.count { deployment.stored($0)?.isEmpty != false } }

    func waitUntilStored(_ name: String) async throws {
        try await deployment.waitUntilStored(name, written[name] ?? [])
    }

    func waitUntilStored() async throws {
        for name in written.keys { try await waitUntilStored(name) }
    }
}
