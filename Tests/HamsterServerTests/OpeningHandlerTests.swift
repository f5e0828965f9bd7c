import HamsterCore
import HamsterProtocol
import HamsterRouting
import HamsterStore
import HamsterTLS
import HamsterTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterServer

@Suite(.timeLimit(.minutes(5))) struct OpeningHandlerTests {
    @Test func `a connection is welcomed with its stream's number`() async throws {
        let connection = try await ServerScene().connect("9f2c1a4be07d")

        #expect(try await connection.line()?.hasPrefix("### ") == true)
        #expect(try await connection.line() == "STREAMID 9f2c1a4be07d")
    }

    @Test func `data that comes with the INIT line is the stream's`() async throws {
        let scene = try ServerScene()
        let connection = try await scene.connect()
        try await connection.send("INIT STREAM web1:/a.log\r\nfirst\n")
        try await connection.shut()

        #expect(try await connection.rest().dropFirst(2) == ["200 OK Ready to accept data"])
        #expect(scene.output("web1/a.log") == "first\n")
        #expect(scene.registry.count == 0)
        #expect(scene.statistics.snapshot.streams == 1)
        #expect(scene.statistics.snapshot.receivedBytes == 6)
    }

    @Test func `an IPv6 host's folder has no brackets`() async throws {
        let scene = try ServerScene()
        let (connection, _) = try await scene.open("[fe80::1]:/a.log")
        try await connection.send("x")
        try await connection.shut()
        _ = try await connection.rest()

        #expect(scene.output("fe80::1/a.log") == "x")
    }

    @Test(arguments: [("", ""), (" ack:1 file:a offset:0", " ack:1 file:b offset:0")])
    func `a new file is let in once an older one of the host is forgotten`(old: String, new: String) async throws {
        let scene = try ServerScene(filesPerHostMax: 1)
        let (first, _) = try await scene.open("web1:/a.log" + old)
        try await first.send("x")
        try await first.shut()
        _ = try await scene.committing { try await first.rest() }

        let (second, refusal) = try await scene.open("web1:/b.log" + new)
        try await second.shut()
        scene.clock.advance(by: .seconds(91 * 86_400))
        scene.store.compact()
        let (_, reply) = try await scene.open("web1:/b.log" + new)

        #expect(refusal?.hasPrefix("429 ") == true)
        #expect(reply?.hasPrefix("200 ") == true, "\(reply ?? "the end")")
    }

    @Test func `three failures end the connection`() async throws {
        let scene = try ServerScene()
        let connection = try await scene.connect()
        try await connection.send("HELO\nINIT STREAM a:/..\n")
        try await connection.send("INIT STREAM a:/b c\nINIT STREAM a:/good\n")

        let codes = try await connection.rest().dropFirst(2).map { $0.prefix(4) }
        #expect(codes == ["400 ", "400 ", "400 ", "<shu"])
        #expect(scene.statistics.snapshot.refusedStreams == 3)
    }

    @Test func `an endless line is 413, and what follows is read and thrown away`() async throws {
        let connection = try await ServerScene().connect()
        for _ in 0..<4 { try await connection.send([UInt8](repeating: 0, count: 3_000)) }

        #expect(
            try await connection.rest().dropFirst(2) == ["413 line is longer than 8192 bytes", "<shut>"])
        try await connection.send([UInt8](repeating: 0, count: 3_000))
        try await connection.shut()
        #expect(try await connection.line() == nil)
    }

    @Test func `a peer that does not close its side is closed after a moment`() async throws {
        let connection = try await ServerScene().connect(
            refusal: Reply(.limitReached, "too many connections", retrySeconds: 5))
        #expect(try await connection.rest() == ["429 too many connections retry:5", "<shut>"])
        await connection.advance(by: .milliseconds(1_999))
        #expect(connection.channel.isActive)
        await connection.advance(by: .milliseconds(1))
        #expect(try await connection.line() == nil)
    }

    @Test func `who opens no stream in time is closed`() async throws {
        let scene = try ServerScene()
        let connection = try await scene.connect()
        try await connection.send("INIT STR")
        await connection.advance(by: .milliseconds(9_999))
        #expect(connection.channel.isActive)
        await connection.advance(by: .milliseconds(1))

        #expect(try await connection.rest().count == 2)
        #expect(!connection.channel.isActive)
        #expect(scene.statistics.snapshot.refusedConnections == 1)
    }

    @Test func `an open stream has no deadline`() async throws {
        let (connection, reply) = try await ServerScene().open("web1:/a.log")
        #expect(reply == "200 OK Ready to accept data")
        await connection.advance(by: .hours(1))
        #expect(connection.channel.isActive)
    }

    @Test func `who closes before the INIT line is closed`() async throws {
        let connection = try await ServerScene().connect()
        try await connection.shut()
        #expect(try await connection.rest().count == 2)
        #expect(!connection.channel.isActive)
    }

    @Test func `a stop is told to those who have no stream yet`() async throws {
        let connection = try await ServerScene().connect()
        try await connection.fire(StopCommand.shutdown)
        #expect(
            try await connection.rest().dropFirst(2) == ["503 server is stopping retry:1", "<shut>"])
    }
}

@Suite(.timeLimit(.minutes(5))) struct AdmissionTests {
    private func output(_ name: String, _ framing: OutputFraming) throws -> OutputRule {
        OutputRule(name: name, action: .write(.init(path: try PathTemplate(name), framing: framing)))
    }

    @Test func `without a fallback a stream that no output takes is refused, and may try again`() async throws {
        let scene = try ServerScene(outputs: [try output("app", .lines)], hasFallback: false)
        let (connection, reply) = try await scene.open("web1:/a.log svc:other")
        #expect(reply == "404 no output takes '/a.log'")

        try await connection.send("INIT STREAM web1:/a.log svc:app\n")
        #expect(try await connection.line() == "200 OK Ready to accept data")
    }

    @Test func `a host must be in the certificate`() async throws {
        let scene = try ServerScene(hostBinding: HostBinding(isRequired: true))
        let connection = try await scene.connect(awaitsTLS: true)
        let peer = PeerIdentity(
            subject: "CN=x", dnsNames: ["web1.example.com"], ipAddresses: [], fingerprint: "", serial: "", notAfter: 0)
        try await connection.fire(
            TLSHandshakeCompleted(
                peer: peer, version: "TLSv1.3", cipher: "x", applicationProtocol: nil, isResumed: false))
        _ = try await (connection.line(), connection.line())

        try await connection.send("INIT STREAM web2:/a\n")
        #expect(try await connection.line() == "403 certificate is for 'web1.example.com', not for host 'web2'")
        try await connection.send("INIT STREAM Web1.Example.COM:/a\n")
        #expect(try await connection.line() == "200 OK Ready to accept data")
    }

    @Test func `nobody is welcomed before the handshake`() async throws {
        let scene = try ServerScene(hostBinding: HostBinding(isRequired: true))
        let connection = try await scene.connect(awaitsTLS: true)
        await connection.advance(by: .seconds(10))
        #expect(try await connection.rest() == [])
    }

    @Test func `another source of the same replica is told to wait`() async throws {
        let scene = try ServerScene(outputs: [try output("app", .bytes)])
        let (_, first) = try await scene.open("web1:/a svc:app ack:1 file:f1")
        let (_, second) = try await scene.open("web2:/a svc:app ack:1 file:f2", streamID: "000000000002")

        #expect(first?.hasPrefix("200 ") == true)
        #expect(second == "409 another source is writing this output retry:5")
    }

    @Test func `sources share an output of lines, up to the limit of their host`() async throws {
        let scene = try ServerScene(outputs: [try output("app", .lines)])
        var replies: [String?] = []
        for number in 0..<3 { replies.append(try await scene.open("web1:/\(number) svc:app").reply) }
        replies.append(try await scene.open("web2:/0 svc:app").reply)

        let ready = "200 OK Ready to accept data"
        #expect(replies == [ready, ready, "429 host has too many streams retry:30", ready])
    }

    @Test func `an output that can't be opened is 507, and its place is free again`() async throws {
        let scene = try ServerScene(outputs: [try output("app", .bytes)])
        try scene.directory.write("out/app/in-the-way", "")
        let (connection, reply) = try await scene.open("web1:/a svc:app")
        #expect(reply == "507 the output cannot be written")
        #expect(scene.registry.count == 0)

        try scene.directory.rename("out/app", to: "out/away")
        try await connection.send("INIT STREAM web1:/a svc:app\n")
        #expect(try await connection.line() == "200 OK Ready to accept data")
    }
}
