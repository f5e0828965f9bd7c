import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// SIGHUP, and a configuration that has changed.
struct ConfigurationsAreReloadedTests {
    private func rules(_ name: String) -> String {
        """
        [output.rotating]
        match = { path = "**/moving*.log" }
        path = "\(name).log"
        """
    }

    @Test func `streams move to the output that is theirs now, the others go on, and nothing is lost or twice`()
        async throws
    {
        let deployment = try await Deployment()
        let server = try await deployment.startServer(extra: rules("first"))
        let client = try deployment.startClient()
        let names = (0..<20).map { "moving\($0).log" }
        try deployment.scratch.append("source/resting.log", "one\n")
        try await deployment.waitUntilStored("resting.log", Array("one\n".utf8))

        var written = Dictionary(uniqueKeysWithValues: names.map { ($0, [String]()) })
        let end = ContinuousClock.now + .seconds(Seeds.number("LOGHAMSTER_RELOAD_SECONDS") ?? 30)
        var (round, reloads) = (0, 0)
        var reloadAt = ContinuousClock.now
        while ContinuousClock.now < end {
            for name in names {
                let lines = (0..<50).map { "\(name) \(round) \($0) of a log that grows all the time" }
                written[name]? += lines
                try deployment.scratch.append("source/\(name)", lines.map { $0 + "\n" }.joined())
            }
            round += 1
            guard ContinuousClock.now >= reloadAt else { continue }
            reloadAt = .now + .milliseconds(200)
            reloads += 1
            try deployment.writeServerConfiguration(extra: rules(reloads.isMultiple(of: 2) ? "first" : "second"))
            server.send(signal: SIGHUP)
        }
        try await server.waitForError("configuration is reloaded", times: reloads / 4)
        try deployment.scratch.append("source/resting.log", "two\n")

        let count = written.values.reduce(0) { $0 + $1.count }
        try await eventually("\(count) lines") {
            stored(deployment, "first").count + stored(deployment, "second").count >= count
        }
        let outputs = [stored(deployment, "first"), stored(deployment, "second")]
        #expect(outputs.allSatisfy { !$0.isEmpty })
        for name in names {
            let parts = outputs.map { $0.filter { $0.hasPrefix(name) } }
            let all = written[name] ?? []
            // Each once, and in both outputs in the order of writing.
            #expect(parts[0].count + parts[1].count == all.count, "\(name)")
            for part in parts.map({ (lines: $0, set: Set($0)) }) {
                #expect(part.lines == all.filter(part.set.contains), "\(name)")
            }
        }
        try await deployment.waitUntilStored("resting.log", Array("one\ntwo\n".utf8))
        #expect(!client.errors.contains("not shipped"))
        print("\(reloads) reloads, \(count) lines")
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    private func stored(_ deployment: Deployment, _ name: String) -> [String] {
        String(decoding: deployment.scratch.contents("stored/\(name).log") ?? [], as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    @Test func `a SIGHUP that comes while a program starts is answered once it runs`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer().terminate()
        // Nobody reads its log: so it reads its configuration, and stands still at the first line.
        let server = try ChildProcess(
            "/bin/sh",
            [
                "-c", "mkfifo log; exec 3<>log; head -c 65536 /dev/zero >&3; exec \"$0\" --config server.toml 2>&3",
                try Repository.program("loghamsterd"),
            ],
            in: deployment.scratch)
        try await eventually("the program to wait for its log") {
            server.name == "loghamsterd" && server.waits(in: "pipe_write")
        }
        server.send(signal: SIGHUP)

        let reader = try ChildProcess("/bin/cat", ["log"], in: deployment.scratch)
        try await eventually("the reload") { reader.output.contains("configuration is reloaded") }

        #expect(try await server.terminate() == 0)
    }

    @Test func `a broken file keeps the old configuration, and says so; a new certificate is shown at once`()
        async throws
    {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient()
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try deployment.writeServerConfiguration(extra: "[output.x]\npath = \"{hots}\"\n")
        server.send(signal: SIGHUP)
        try await server.waitForError("configuration is not reloaded, the old one stays in force")
        #expect(server.errors.contains("unknown field '{hots}'"))
        try deployment.writeServerConfiguration(extra: "[durability]\nsync = \"os\"\n")
        server.send(signal: SIGHUP)
        try await server.waitForError("a restart is needed for some changes keys=durability")

        // Of a name that the client does not ask for: connections that are made from now on are refused.
        let other = try await deployment.authority.server("other.example.com")
        try deployment.writeServerConfiguration(pair: other)
        server.send(signal: SIGHUP)
        try await server.waitForError("configuration is reloaded", times: 2)
        try deployment.scratch.append("source/a.log", "two\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))
        try deployment.scratch.append("source/b.log", "three\n")
        try await client.waitForError("target unreachable")

        try deployment.writeServerConfiguration()
        server.send(signal: SIGHUP)
        try await deployment.waitUntilStored("b.log", Array("three\n".utf8))
        #expect(try await client.terminate() == 0)
        #expect(try await server.terminate() == 0)
    }

    @Test func `a certificate that is revoked ends its streams at the reload, and no other`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient(input: "path = \"source/a.log\"")
        let other = try await deployment.authority.client("db1")
        let configuration = try String(contentsOfFile: deployment.scratch("client.toml"), encoding: .utf8)
            .replacing("\"web1\"", with: "\"db1\"").replacing("client-state", with: "other-state")
            .replacing("a.log", with: "b.log").replacing(deployment.clientPair.certificate, with: other.certificate)
            .replacing(deployment.clientPair.key, with: other.key)
        let second = try deployment.start(
            "loghamsterc", ["--config", deployment.scratch.write("second.toml", configuration)])
        for name in ["a.log", "b.log"] { try deployment.scratch.append("source/\(name)", "one\n") }
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))
        try await eventually("the other host's file") { deployment.stored("b.log", host: "db1") == Array("one\n".utf8) }

        try await deployment.authority.revoke("web1")
        let crl = "client_ca = \"\(deployment.authority.certificate)\"\ncrl = \"\(deployment.authority.revocations)\""
        try deployment.writeServerConfiguration(tls: crl)
        server.send(signal: SIGHUP)
        try await server.waitForError("stream is ended")
        #expect(server.errors.contains("certificate of 'CN=web1' (serial number "))
        for name in ["a.log", "b.log"] { try deployment.scratch.append("source/\(name)", "two\n") }
        try await client.waitForError("the server refused our certificate: certificate revoked")
        try await eventually("the other host's file") {
            deployment.stored("b.log", host: "db1") == Array("one\ntwo\n".utf8)
        }
        #expect(deployment.stored("a.log") == Array("one\n".utf8))
        #expect(server.errors.components(separatedBy: "stream is ended").count == 2)
        #expect(!second.errors.contains("not shipped"))
    }

    @Test func `who may not send for a host any more is ended by the reload`() async throws {
        let deployment = try await Deployment()
        let relay = "client_ca = \"\(deployment.authority.certificate)\"\n"
        let other = try await deployment.authority.client("relay")
        let allowing = relay + "allow = [{ certificate = \"relay\", hosts = [\"web*\"] }]"
        let server = try await deployment.startServer(tls: allowing)
        let client = try deployment.startClient(tls: deployment.trust(as: other))
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try deployment.writeServerConfiguration(tls: relay)
        server.send(signal: SIGHUP)
        try await server.waitForError("its certificate may not send for 'web1' any more")
        try deployment.scratch.append("source/a.log", "two\n")
        try await client.waitForError("certificate is for 'relay', not for host 'web1'")
        #expect(deployment.stored("a.log") == Array("one\n".utf8))
    }
}

/// The same of the client.
struct ClientsAreReloadedTests {
    private let input = "path = \"source/*.log\"\nrotate_wait = \"300ms\""

    private func reload(_ deployment: Deployment, _ client: ChildProcess, target: String = "", input: String)
        async throws
    {
        let count = client.errors.components(separatedBy: "configuration is reloaded").count
        _ = try deployment.writeClientConfiguration(target: target, input: input)
        client.send(signal: SIGHUP)
        try await client.waitForError("configuration is reloaded", times: count)
    }

    @Test func `inputs come and go, and the streams of the others go on`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient(input: input)
        try deployment.scratch.append("source/a.log", "one\n")
        try deployment.scratch.append("source/b.txt", "begin\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        try await reload(
            deployment, client, input: "path = \"source/*.txt\"\nname = \"texts\"\n[[input]]\n" + input)
        try await deployment.waitUntilStored("b.txt", Array("begin\n".utf8))
        try deployment.scratch.append("source/a.log", "two\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))
        #expect(server.errors.components(separatedBy: "stream opened").count == 3, "one stream a file")

        try await reload(deployment, client, input: input)
        try await server.waitForError("stream closed")
        try deployment.scratch.append("source/b.txt", "while nobody looks\n")
        try deployment.scratch.append("source/a.log", "three\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\nthree\n".utf8))
        #expect(deployment.stored("b.txt") == Array("begin\n".utf8))

        try await reload(deployment, client, input: "path = [\"source/*.txt\", \"source/*.log\"]")
        try await deployment.waitUntilStored("b.txt", Array("begin\nwhile nobody looks\n".utf8))
        #expect(try await client.terminate() == 0)
    }

    @Test func `a new service reaches the server, a file deleted meanwhile arrives whole, another method too`()
        async throws
    {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(
            extra:
                "[output.second]\nmatch = { svc = \"second\" }\npath = \"{host}/second-{basename}\"\nframing = \"bytes\""
        )
        let limit = "rate_limit = \"256 KiB/s\""
        let client = try deployment.startClient(target: limit, input: input)
        let bytes = logText(bytes: 2_000_000)
        try deployment.scratch.write("source/a.log", bytes)
        try await eventually("the beginning") { deployment.storedSize("a.log") > 0 }
        // Only the client's descriptor holds it now.
        try FileManager.default.removeItem(atPath: deployment.scratch("source/a.log"))
        try await reload(deployment, client, target: limit, input: "name = \"second\"\n" + input)

        try await eventually("both parts") {
            let first = deployment.stored("a.log") ?? []
            let second = deployment.scratch.contents("stored/web1/second-a.log") ?? []
            return first + second == bytes && !second.isEmpty
        }
        try await reload(deployment, client, input: "method = \"close\"\n" + input)
        try deployment.scratch.write("source/b.log", "closed\n")
        // A look at the directory that began before the reload may have found it: it is of the old service then.
        try await eventually("the closed file") {
            let parts = [deployment.stored("b.log"), deployment.scratch.contents("stored/web1/second-b.log")]
            return parts.contains(Array("closed\n".utf8))
        }
        #expect(try await client.terminate() == 0)
    }

    @Test func `a file that waits for its turn is not sent once no input matches it`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let target = "max_connections = 1\nrate_limit = \"256 KiB/s\""
        let client = try deployment.startClient(target: target, input: input)
        let bytes = logText(bytes: 1_000_000)
        try deployment.scratch.write("source/a.log", bytes)
        try await eventually("the beginning") { deployment.storedSize("a.log") > 0 }
        try deployment.scratch.append("source/b.log", "unwanted\n")
        try await eventually("b.log to wait") {
            try StatusRequest.fetch(in: deployment.scratch("client-state"), timeout: patience).text.contains("b.log")
        }

        try await reload(
            deployment, client, target: target,
            input: input.replacing("source/*.log", with: "source/[ac].log"))
        // It gets its turn behind the other.
        try deployment.scratch.append("source/c.log", "wanted\n")
        try await deployment.waitUntilStored("c.log", Array("wanted\n".utf8))
        try await deployment.waitUntilStored("a.log", bytes)
        #expect(deployment.stored("b.log") == nil)
        #expect(try await client.terminate() == 0)
    }

    @Test func `a broken file or certificate keeps the old configuration, and another server is found`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let client = try deployment.startClient(input: input)
        try deployment.scratch.append("source/a.log", "one\n")
        try await deployment.waitUntilStored("a.log", Array("one\n".utf8))

        _ = try deployment.writeClientConfiguration(target: "compres = true", input: input)
        client.send(signal: SIGHUP)
        try await client.waitForError("configuration is not reloaded, the old one stays in force")
        #expect(client.errors.contains("did you mean 'compress'?"))
        let empty = try deployment.scratch.write("empty.pem", "")
        _ = try deployment.writeClientConfiguration(
            tls: deployment.trust(empty, as: deployment.clientPair), input: input)
        client.send(signal: SIGHUP)
        try await client.waitForError("configuration is not reloaded, the old one stays in force", times: 2)
        try deployment.scratch.append("source/a.log", "two\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\n".utf8))

        let name = "localhost:\(deployment.port)"
        try await reload(deployment, client, target: "hosts = [\"\(name)\"]", input: input)
        try deployment.scratch.append("source/a.log", "three\n")
        try await deployment.waitUntilStored("a.log", Array("one\ntwo\nthree\n".utf8))
        try await client.waitForError("target=\(name)")
        try await server.waitForError("stream opened", times: 2)
        #expect(try await client.terminate() == 0)
    }
}

extension ChildProcess {
    /// Of the program that it runs now (proc_pid_comm(5)).
    fileprivate var name: String {
        (try? String(contentsOfFile: "/proc/\(processID)/comm", encoding: .utf8))?
            .trimmingCharacters(in: .newlines) ?? ""
    }

    /// Whether one of its threads waits in this function of the kernel (proc_pid_wchan(5)).
    fileprivate func waits(in function: String) -> Bool {
        let directory = "/proc/\(processID)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return threads.contains {
            (try? String(contentsOfFile: "\(directory)/\($0)/wchan", encoding: .utf8))?.contains(function) == true
        }
    }
}
