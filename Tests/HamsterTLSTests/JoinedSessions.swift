import NIOCore

@testable import HamsterTLS

/// Two sessions whose outbound bytes are each other's inbound bytes.
struct JoinedSessions {
    let client: TLSSession
    let server: TLSSession

    init(client: TLSContext, server: TLSContext) throws {
        self.client = try TLSSession(context: client, peerName: "server")
        self.server = try TLSSession(context: server, peerName: "client")
    }

    /// Carries both handshakes to their end, or to the first error.
    func handshake() throws {
        var steps = 0
        while !(client.isEstablished && server.isEstablished), steps < 10 {
            if !client.isEstablished { _ = try client.handshake() }
            carry(from: client, to: server)
            if !server.isEstablished { _ = try server.handshake() }
            carry(from: server, to: client)
            steps += 1
        }
    }

    /// Runs both handshakes to their errors.
    func refusals() -> (client: TLSError?, server: TLSError?) {
        var errors: (client: TLSError?, server: TLSError?) = (nil, nil)
        do { try handshake() } catch let error as TLSError {
            if !server.isEstablished, client.isEstablished { errors.server = error } else { errors.client = error }
        } catch {}
        return errors
    }

    func carry(from sender: TLSSession, to receiver: TLSSession) {
        if let bytes = sender.takeOutbound() { receiver.receive(bytes) }
    }

    /// Sends plain bytes one way, and gives what came out.
    func send(_ text: String, from sender: TLSSession, to receiver: TLSSession) throws -> String {
        _ = try sender.encrypt(ByteBuffer(string: text))
        carry(from: sender, to: receiver)
        return receiver.decrypt(allocator: ByteBufferAllocator()).plaintext.map { String(buffer: $0) } ?? ""
    }
}
