import Foundation
import HamsterTesting
import Testing

/// Files as they grow: which ones are followed, and from where.
struct FilesAreFollowedTests {
    @Test(arguments: ["", "compress = true"])
    func `a file is sent as it grows, whether it ends in a newline or not`(target: String) async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(target: target)
        var written: [UInt8] = []

        for piece in ["first", " line\n", "second line\n", "\n", "third", "\u{0}\u{1}"] {
            try deployment.scratch.append("source/app.log", piece)
            written += piece.utf8
            try await deployment.waitUntilStored("app.log", written)
        }

        #expect(try await client.terminate() == 0)
        #expect(client.errors.contains("stopped"))
    }

    @Test func `a directory and its files are found when they appear`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/later/*/x.log\"")
        try await eventually("the client to watch") { client.isWatching }

        try deployment.scratch.write("source/later/one/x.log", "one\n")
        try await deployment.waitUntilStored("later/one/x.log", Array("one\n".utf8))
        try deployment.scratch.write("source/later/two/x.log", "two\n")
        try await deployment.waitUntilStored("later/two/x.log", Array("two\n".utf8))
    }

    @Test func `what is excluded, hidden or no file stays where it is`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        for name in ["a.log", "b.log.gz", "secret/c.log", ".hidden.log"] {
            try deployment.scratch.write("source/\(name)", "\(name)\n")
        }
        mkfifo(deployment.scratch("source/fifo.log"), 0o600)
        let secret = deployment.scratch("source/secret/*")

        let client = try deployment.startClient(
            input: "method = \"once\"\npath = \"source/**\"\nexclude = [\"*.gz\", \"\(secret)\"]")

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        #expect(deployment.stored("a.log") == Array("a.log\n".utf8))
        for name in ["b.log.gz", "secret/c.log", ".hidden.log", "fifo.log"] {
            #expect(deployment.stored(name) == nil, "\(name)")
        }
    }

    @Test func `two inputs go to the outputs of their names`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(
            extra: "[output.alpha]\npath = \"alpha.log\"\n[output.beta]\npath = \"sub/beta.log\"")
        _ = try deployment.startClient(
            input: """
                name = "alpha"
                path = "source/a*.log"
                [[input]]
                name = "beta"
                path = ["source/b.log", "source/c.log"]
                """)

        for name in ["a1", "b", "c"] { try deployment.scratch.append("source/\(name).log", "\(name)\n") }

        try await eventually("both outputs") {
            deployment.scratch.contents("stored/alpha.log") == Array("a1\n".utf8)
                && deployment.scratch.contents("stored/sub/beta.log")?.count == 4
        }
        let lines = Set(String(decoding: deployment.scratch.contents("stored/sub/beta.log") ?? [], as: UTF8.self))
        #expect(lines == ["b", "c", "\n"])
    }

    @Test func `start = end skips what is there, and nothing that comes later`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        try deployment.scratch.write("source/old.log", "before\n")
        _ = try deployment.startClient(input: "path = \"source/*.log\"\nstart = \"end\"")
        try await eventually("the file in the client's state") {
            let state = deployment.scratch.contents("client-state/client.state") ?? []
            return String(decoding: state, as: UTF8.self).contains("old.log")
        }

        try deployment.scratch.append("source/old.log", "after\n")
        try deployment.scratch.append("source/new.log", "all of it\n")

        try await deployment.waitUntilStored("old.log", Array("after\n".utf8))
        try await deployment.waitUntilStored("new.log", Array("all of it\n".utf8))
        #expect(server.isRunning)
    }

    @Test func `method = once sends what there is and ends`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let bytes = logText(bytes: 100_000)
        try deployment.scratch.write("source/a.log", bytes)
        try deployment.scratch.write("source/empty.log", "")

        let client = try deployment.startClient(input: "path = \"source/*.log\"\nmethod = \"once\"")

        #expect(try await client.exitCode() == 0, "\(client.errors)")
        let isSame = deployment.stored("a.log") == bytes
        #expect(isSame)
        #expect(deployment.stored("empty.log") == [])
    }

    @Test func `a quiet file's connection is closed, and opened again by the next byte`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/*.log\"\nclose_idle = \"200ms\"")

        try deployment.scratch.append("source/a.log", "first")
        try await server.waitForError("stream closed")
        try deployment.scratch.append("source/a.log", "second")

        try await deployment.waitUntilStored("a.log", Array("firstsecond".utf8))
        #expect(server.errors.split(separator: "\n").count { $0.contains("stream opened") } >= 2)
        #expect(try await client.terminate() == 0)
    }

    @Test func `twenty growing files share two connections`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        _ = try deployment.startClient(target: "max_connections = 2")
        var written = [[UInt8]](repeating: [], count: 20)

        for round in 0..<5 {
            for number in 0..<20 {
                let bytes = logText(bytes: 3_000, seed: UInt64(round * 100 + number))
                try deployment.scratch.append("source/\(number).log", bytes)
                written[number] += bytes
            }
            try await deployment.waitUntilStored("\(round).log", written[round])
        }

        for number in 0..<20 { try await deployment.waitUntilStored("\(number).log", written[number]) }
        var open = 0
        for line in server.errors.split(separator: "\n") {
            open += line.contains("stream opened") ? 1 : line.contains("stream closed") ? -1 : 0
            #expect(open <= 2)
        }
    }

    @Test func `files on the command line need no configuration file`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(
            tls: "client_ca = \"\(deployment.authority.certificate)\"\nbind_host = false")
        let pair = deployment.clientPair
        let client = try deployment.start(
            "loghamsterc",
            [
                "--target", "127.0.0.1:\(deployment.port)", "--ca", deployment.authority.certificate,
                "--cert", pair.certificate, "--key", pair.key, "--state", "client-state", "--compress",
                "source/a.log", deployment.scratch("source/b.log"),
            ])

        for name in ["a.log", "b.log"] { try deployment.scratch.append("source/\(name)", "\(name)\n") }

        let host = ProcessInfo.processInfo.hostName
        for name in ["a.log", "b.log"] {
            try await eventually("\(name) below \(host)") {
                deployment.stored(name, host: host) == Array("\(name)\n".utf8)
            }
        }
        #expect(try await client.terminate() == 0)
        #expect(deployment.scratch.contents("client-state/client.state") != nil)
    }
}
