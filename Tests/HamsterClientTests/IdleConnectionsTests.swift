import NIOCore
import NIOEmbedded
import Testing

@testable import HamsterClient

struct IdleConnectionsTests {
    private func connection() async throws -> IdleConnection {
        let channel = NIOAsyncTestingChannel()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        return IdleConnection(channel: channel, streamID: "9f2c1a4be07d")
    }

    @Test func `each is given once, to its target, and none that is closed`() async throws {
        let idle = IdleConnections()
        let (open, closed) = (try await connection(), try await connection())
        idle.add(open, of: 1, since: idle.epoch)
        idle.add(closed, of: 1, since: idle.epoch)
        try await closed.channel.close()

        #expect(idle.take(of: 0) == nil)
        #expect(idle.take(of: 1)?.channel === open.channel)
        #expect(idle.take(of: 1) == nil)
    }

    @Test func `none outlives a reload, whether it waits then or still carries a file`() async throws {
        let idle = IdleConnections()
        let (waiting, busy) = (try await connection(), try await connection())
        let epoch = idle.epoch
        idle.add(waiting, of: 0, since: epoch)

        idle.closeAll()
        idle.add(busy, of: 0, since: epoch)

        try await waiting.channel.closeFuture.get()
        try await busy.channel.closeFuture.get()
        #expect(idle.take(of: 0) == nil)
    }
}
