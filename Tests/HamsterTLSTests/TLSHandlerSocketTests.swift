import NIOCore
import NIOPosix
import Testing

@testable import HamsterTLS

@Suite(.timeLimit(.minutes(5))) struct TLSHandlerSocketTests {
    let credentials: Credentials

    init() throws { credentials = try Credentials() }

    @Test(arguments: [TLSVersion.v12, .v13])
    func `bulk bytes arrive whole and both ends close in order`(version: TLSVersion) async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let bytes = 50_000_001
        let listener = try await Peers.listen(try credentials.server(minimumVersion: version), atServer)
        let client = try await Peers.connect(
            to: listener.port, try credentials.client(minimumVersion: version), atClient, .send(bytes))

        try await client.closeFuture.get()

        await atServer.until(\.isInactive)
        #expect(atServer.byteCount == bytes)
        #expect(atServer.inputClosedCount == 1 && atClient.inputClosedCount == 1)
        #expect(atServer.errors.isEmpty && atClient.errors.isEmpty)
        #expect(atServer.handshake?.peer?.dnsNames == ["web1.example.org"])
        #expect(atClient.handshake?.applicationProtocol == "loghamster/1")
        try await listener.close()
    }

    @Test func `a refused client learns why even while it is sending`() async throws {
        let other = try credentials.pki.makeCA("other", subject: "/CN=Other CA")
        let issued = try credentials.pki.issue("foreign", .init(), by: other)
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer)
        let context = try TLSContext(client: credentials.clientConfiguration(issued), applicationProtocols: [])
        _ = try await Peers.connect(to: listener.port, context, atClient, .send(20_000_000))

        await atClient.until(\.isInactive)
        await atServer.until(\.isInactive)

        #expect(atClient.errors.count == 1 && atServer.errors.count == 1)
        #expect(atClient.tlsErrors.map(\.alert) == [48])
        #expect(atServer.tlsErrors.map(\.code) == [.verification])
        try await listener.close()
    }

    @Test func `a server that sends and closes at once loses nothing`() async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer, .send(3_000_000))
        let client = try await Peers.connect(to: listener.port, try credentials.client(), atClient)

        try await client.closeFuture.get()
        await atServer.until(\.isInactive)

        #expect(atClient.byteCount == 3_000_000)
        #expect(atServer.errors.isEmpty && atClient.errors.isEmpty)
        try await listener.close()
    }

    @Test func `a reader that stops reading stops the sender`() async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer, .readOnce)
        let client = try await Peers.connect(to: listener.port, try credentials.client(), atClient, .send(1 << 30))

        await atClient.until { $0.sights.contains { if case .unwritable = $0 { true } else { false } } }
        let isWritable = try await client.eventLoop.submit { client.isWritable }.get()

        #expect(!isWritable)
        #expect(atServer.byteCount <= 1 << 20)
        #expect(atClient.inputClosedCount == 0)
        client.pipeline.fireErrorCaught(CancellationError())
        await atClient.until(\.isInactive)
        try await listener.close()
    }

    @Test func `a channel that doesn't read by itself gets what it asks for`() async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer, .pull)
        let client = try await Peers.connect(
            to: listener.port, try credentials.client(), atClient, .send(5_000_000))

        try await client.closeFuture.get()
        await atServer.until(\.isInactive)

        #expect(atServer.byteCount == 5_000_000)
        #expect(atServer.errors.isEmpty && atClient.errors.isEmpty)
        try await listener.close()
    }

    @Test func `close sends close_notify first`() async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer)
        let client = try await Peers.connect(to: listener.port, try credentials.client(), atClient)
        try await client.writeAndFlush(ByteBuffer(string: "bye"))

        try await client.close()
        await atServer.until(\.isInactive)

        #expect(atServer.text == "bye" && atServer.inputClosedCount == 1)
        #expect(atServer.errors.isEmpty && atClient.errors.isEmpty)
        try await listener.close()
    }

    @Test func `a silent client is cut off at the handshake's deadline`() async throws {
        let atServer = Recorder()
        let listener = try await Peers.listen(
            try credentials.server(), atServer, handshakeTimeout: .milliseconds(50))
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: listener.port).get()

        try await client.closeFuture.get()
        await atServer.until(\.isInactive)

        #expect(atServer.tlsErrors.map(\.description) == ["client: TLS handshake not done within 0.05 s"])
        try await listener.close()
    }

    @Test func `a write and a half-close before the handshake are kept until it is done`() async throws {
        let (atServer, atClient) = (Recorder(), Recorder())
        let listener = try await Peers.listen(try credentials.server(), atServer)
        let client = try await Peers.connect(to: listener.port, try credentials.client(), atClient)

        client.writeAndFlush(ByteBuffer(string: "early"), promise: nil)
        try await client.close(mode: .output)
        await atServer.until(\.isInactive)

        #expect(atServer.text == "early")
        #expect(atServer.errors.isEmpty && atClient.errors.isEmpty)
        try await listener.close()
    }
}
