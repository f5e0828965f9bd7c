import Foundation
import HamsterTesting
import Testing

/// Thousands of files and a client that may open 256: each is open while it is read, and found again for the next byte.
struct DescriptorsAreFewTests {
    private static let descriptors = 256

    @Test(.timeLimit(.minutes(5)))
    func `files that are many times the descriptors arrive, also those that are rotated together`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        var files = try ManyFiles(deployment, count: 3_000)
        let client = try await Self.startClient(deployment, files)

        try files.append(to: 0..<100)
        try await files.waitUntilStored(client)
        // More than may be open, and all at once: no other file can be closed for them.
        try files.append(to: 1_000..<1_300)
        try files.rotate(1_000..<1_300)
        try files.append(to: 1_000..<1_300)
        try await files.waitUntilStored(client)
        // These were closed meanwhile.
        #expect(try !client.openFiles().contains(deployment.scratch("source/0.log")))
        try files.append(to: 0..<20)
        try await files.waitUntilStored(client)

        #expect(!client.errors.contains("raise the limit of open files"), "\(client.errors.suffix(2_000))")
        #expect(!client.errors.contains("bytes were removed"), "\(client.errors.suffix(2_000))")
        #expect(try client.openFiles().count < Self.descriptors)
        #expect(try await client.terminate() == 0)
        files.expectContents()
    }

    /// What the files hold is skipped: thousands of connections take their time, and tell nothing of descriptors.
    private static func startClient(_ deployment: Deployment, _ files: ManyFiles) async throws -> ChildProcess {
        let configuration = try deployment.writeClientConfiguration(
            tls: "enabled = false", input: "path = \"source/*.log\"\nstart = \"end\"\nrotate_wait = \"5s\"")
        let limited = "ulimit -n \(descriptors); exec \"$0\" --config \"$1\""
        let client = try ChildProcess(
            "/bin/sh", ["-c", limited, Repository.program("loghamsterc"), configuration], in: deployment.scratch)
        try await eventually("all files in the state\n\(client.errors.suffix(2_000))") {
            let state = deployment.scratch.contents("client-state/client.state") ?? []
            return state.count { $0 == UInt8(ascii: "\n") } > files.count
        }
        return client
    }
}

/// `source/0.log` and so on, and what was written to each since the client has seen them.
private struct ManyFiles {
    private let deployment: Deployment
    private var written: [[UInt8]]

    init(_ deployment: Deployment, count: Int) throws {
        self.deployment = deployment
        written = Array(repeating: [], count: count)
        for number in 0..<count { try deployment.scratch.append("source/\(number).log", "file \(number)\n") }
    }

    var count: Int { written.count }

    mutating func append(to numbers: Range<Int>) throws {
        for number in numbers {
            let piece = Array("line of \(number) behind \(written[number].count) bytes\n".utf8)
            try deployment.scratch.append("source/\(number).log", piece)
            written[number] += piece
        }
    }

    func rotate(_ numbers: Range<Int>) throws {
        for number in numbers { try deployment.scratch.rename("source/\(number).log", to: "source/\(number).log.1") }
    }

    func waitUntilStored(_ client: ChildProcess) async throws {
        try await eventually(
            "all files; \(missing.count) are not whole, such as \(missing.prefix(5))\n\(troubles(client))",
            timeout: .seconds(120)
        ) { missing.isEmpty }
    }

    private func troubles(_ client: ChildProcess) -> String {
        client.errors.split(separator: "\n").filter { !$0.contains(" info ") }.suffix(30).joined(separator: "\n")
    }

    private var missing: [Int] {
        written.indices.filter { deployment.storedSize("\($0).log") != written[$0].count }
    }

    func expectContents() {
        for (number, bytes) in written.enumerated() {
            let isSame = (deployment.stored("\(number).log") ?? []) == bytes
            #expect(isSame, "\(number).log")
        }
    }
}
