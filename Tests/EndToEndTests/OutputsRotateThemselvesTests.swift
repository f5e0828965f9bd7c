import Foundation
import HamsterTesting
import Testing

/// The server puts its outputs aside while data flows, and is killed meanwhile.
struct OutputsRotateThemselvesTests {
    private static let outputs = """
        [output.numbered]
        match = { path = "**/app.log" }
        path = "app.log"
        framing = "bytes"
        rotate = { size = "20 KiB", keep = 900, compress = true }
        [output.dated]
        match = { path = "**/db.log" }
        path = "db.log"
        framing = "bytes"
        rotate = { size = "40 KiB", compress = true, names = "dated" }
        [output.merged]
        match = { path = "**/web*.log" }
        path = "merged.log"
        rotate = { size = "30 KiB", keep = 900, compress = true }
        """

    @Test(.timeLimit(.minutes(5)))
    func `killing the server while it rotates and compresses loses and repeats no line`() async throws {
        let deployment = try await Deployment.plain()
        var server = try await deployment.startPlainServer(extra: Self.outputs)
        let client = try deployment.startClient(tls: "enabled = false", input: "path = \"source/*.log\"")
        var load = RotatedLoad(deployment)
        var generator = SeededGenerator(seed: Seeds.upTo(1)[0])

        for _ in 0..<8 {
            try await load.write(ticks: generator.int(20...100))
            try await server.killNow()
            try await load.write(ticks: 5)
            server = try await deployment.startPlainServer(extra: Self.outputs)
        }
        try await load.write(ticks: 30)

        try await load.waitUntilStored(server)
        // How many depends on how the bytes arrive; most come in bursts, after a restart.
        #expect(try await load.compressedCount(server) >= 8)
        load.expectContents()
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    @Test func `a reload changes the rotation of an open output, and no stream notices`() async throws {
        let deployment = try await Deployment.plain()
        let output = "[output.app]\nmatch = { path = \"**/app.log\" }\npath = \"app.log\"\nframing = \"bytes\"\n"
        let server = try await deployment.startPlainServer(extra: output)
        _ = try deployment.startClient(tls: "enabled = false", input: "path = \"source/app.log\"")
        let text = logText(bytes: 100_000)
        try deployment.scratch.append("source/app.log", text)
        try await eventually("the output") { deployment.scratch.contents("stored/app.log") == text }

        try deployment.writeServerConfiguration(
            tls: "enabled = false", extra: output + "rotate = { size = \"64 KiB\", keep = 3, compress = true }\n")
        server.send(signal: SIGHUP)
        try await server.waitForError("configuration is reloaded")
        try deployment.scratch.append("source/app.log", "more\n")

        try await server.waitForError("rotated output compressed")
        try await eventually("the new output") {
            deployment.scratch.contents("stored/app.log") == Array("more\n".utf8)
        }
        #expect(deployment.scratch.contents("stored/app.log.1.gz").flatMap(gunzip) == text)
        #expect(server.errors.components(separatedBy: "stream opened").count - 1 == 1)
    }
}

/// Four files that grow, two of which the server merges, and its outputs with all that it has put aside.
private struct RotatedLoad {
    private static let sources = ["app.log", "db.log", "web1.log", "web2.log"]

    private let deployment: Deployment
    private let directory: String
    private var written: [String: [UInt8]] = [:]
    private var pieces = 0

    init(_ deployment: Deployment) {
        self.deployment = deployment
        directory = deployment.scratch("stored")
    }

    mutating func write(ticks: Int) async throws {
        var ticksLeft = ticks
        try await eventually("\(ticks) ticks") {
            guard ticksLeft > 0 else { return true }
            ticksLeft -= 1
            for source in Self.sources { try writePiece(to: source) }
            return false
        }
    }

    /// Each line says whose it is, and is there once.
    private mutating func writePiece(to source: String) throws {
        var piece: [UInt8] = []
        for _ in 0..<200 {
            pieces += 1
            piece += Array("\(source) line \(pieces) \(pieces &* 2_654_435_761 % 1_000_003)\n".utf8)
        }
        try deployment.scratch.append("source/\(source)", piece)
        written[source, default: []] += piece
    }

    func waitUntilStored(_ server: ChildProcess) async throws {
        for name in ["app.log", "db.log"] {
            let expected = written[name] ?? []
            try await eventually(
                "\(expected.count) bytes of \(name); there are \(stored(name).count) in \(files(name))\n"
                    + server.errors.suffix(2_000)
            ) { stored(name) == expected }
        }
        let lines =
            (written["web1.log"] ?? []).split(separator: 10).count
            + (written["web2.log"] ?? []).split(separator: 10).count
        try await eventually("\(lines) merged lines; there are \(stored("merged.log").split(separator: 10).count)") {
            stored("merged.log").split(separator: 10).count == lines
        }
    }

    /// How many files are compressed once nothing is left to do; gzip has to find them whole.
    func compressedCount(_ server: ChildProcess) async throws -> Int {
        let rotated = { ["app.log", "db.log", "merged.log"].flatMap { files($0).dropLast() } }
        let plain = { rotated().filter { !$0.hasSuffix(".gz") } }
        try await eventually("only compressed files; there are \(plain())\n\(server.errors.suffix(4_000))") {
            plain().isEmpty
        }
        let names = rotated()
        let gzip = try ChildProcess("gzip", ["-t"] + names.map { "\(directory)/\($0)" }, in: deployment.scratch)
        #expect(try await gzip.exitCode() == 0, "\(gzip.errors)")
        return names.count
    }

    /// When nothing gets another name any more.
    func expectContents() {
        for name in ["app.log", "db.log"] {
            let isSame = stored(name) == written[name]
            #expect(isSame, "\(name) is not what was written")
        }
        let merged = stored("merged.log").split(separator: 10)
        for name in ["web1.log", "web2.log"] {
            let mark = Array("\(name) ".utf8)
            let mine = merged.filter { $0.starts(with: mark) }
            let isSame = mine.elementsEqual((written[name] ?? []).split(separator: 10), by: ==)
            #expect(isSame, "the lines of \(name) are not what was written")
        }
    }

    /// The names of an output's files, oldest first. A file and its compressed form, as a kill leaves them, are one.
    private func files(_ base: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let rotated = names.filter { name in
            (name.hasPrefix(base + ".") || name.hasPrefix(base + "-")) && !name.hasSuffix(".part")
                && !(name.hasSuffix(".gz") && names.contains(String(name.dropLast(3))))
        }
        return rotated.sorted { order($0, base).lexicographicallyPrecedes(order($1, base)) } + [base]
    }

    private func order(_ name: String, _ base: String) -> [Int] {
        let label = name.dropFirst(base.count + 1).split(separator: ".")[0]
        if let number = Int(label) { return [-number] }
        return label.split(separator: "-").map { Int($0.filter(\.isNumber)) ?? 0 }
    }

    private func stored(_ base: String) -> [UInt8] {
        files(base).flatMap { name -> [UInt8] in
            let bytes = deployment.scratch.contents("stored/\(name)") ?? []
            return name.hasSuffix(".gz") ? gunzip(bytes) ?? [] : bytes
        }
    }
}
