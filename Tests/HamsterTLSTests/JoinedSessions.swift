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

    /// Goes on until both sides have had their say, and gives the error of each.
    func refusals() -> (client: TLSError?, server: TLSError?) {
        var errors: (client: TLSError?, server: TLSError?) = (nil, nil)
        for _ in 0..<5 {
            errors.client = errors.client ?? error(of: client)
            carry(from: client, to: server)
            errors.server = errors.server ?? error(of: server)
            carry(from: server, to: client)
        }
        return errors
    }

    private func error(of session: TLSSession) -> TLSError? {
        do throws(TLSError) {
            if !session.isEstablished, try session.handshake() == .incomplete { return nil }
        } catch {
            return error
        }
        guard case .failed(let error) = session.decrypt(allocator: ByteBufferAllocator()).ending else { return nil }
        return error
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
