import NIOCore
import NIOPosix
import Testing

@testable import HamsterTLS

@Suite(.timeLimit(.minutes(1))) struct TLSHandlerSocketTests {
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
}
