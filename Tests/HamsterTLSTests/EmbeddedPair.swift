import NIOCore
import NIOEmbedded

@testable import HamsterTLS

/// A client's and a server's channel without sockets.
final class EmbeddedPair {
    /// One of the two ends.
    struct End {
        let channel: EmbeddedChannel
        let handler: TLSHandler
        let recorder = Recorder()

        init(_ context: TLSContext, _ peerName: String) throws {
            handler = TLSHandler(context: context, peerName: peerName, handshakeTimeout: .seconds(10))
            channel = EmbeddedChannel(handlers: [handler, RecordingHandler(recorder, .record)])
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        }

        /// Makes the session ask the other end for new keys, and say so to `receiver`.
        func requestKeyUpdate(at receiver: EmbeddedChannel) throws {
            handler.session?.requestKeyUpdate()
            _ = try handler.session?.encrypt(ByteBuffer(string: "."))
            if let bytes = handler.session?.takeOutbound() { try receiver.writeInbound(bytes) }
        }
    }

    let client: End
    let server: End

    init(_ credentials: Credentials) throws {
        client = try End(credentials.client(), "server")
        server = try End(credentials.server(), "client")
    }

    // A channel and its pipeline hold each other until the channel is closed.
    deinit {
        for channel in [client.channel, server.channel] { _ = try? channel.finish(acceptAlreadyClosed: true) }
    }

    /// Carries encrypted bytes both ways until neither side has any.
    func carry() throws {
        var isMoving = true
        while isMoving {
            let isToServer = try carry(from: client.channel, to: server.channel)
            let isToClient = try carry(from: server.channel, to: client.channel)
            isMoving = isToServer || isToClient
        }
    }

    private func carry(from sender: EmbeddedChannel, to receiver: EmbeddedChannel) throws -> Bool {
        var isMoved = false
        while let bytes = try sender.readOutbound(as: ByteBuffer.self) {
            isMoved = true
            if receiver.isActive { try receiver.writeInbound(bytes) }
        }
        return isMoved
    }
}
