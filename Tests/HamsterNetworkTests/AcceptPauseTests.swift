import Glibc
import HamsterNetwork
import HamsterTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A listener that can't accept for a while, on a real socket.
struct AcceptPauseTests {
    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func `without descriptors or memory it pauses, tells, and accepts again`(code: CInt) async throws {
        let (told, accepted) = (Box<[CInt]>([]), Box(0))
        let listener = try await listener(told, accepted)

        listener.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        listener.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        #expect(try await !listener.getOption(.autoRead).get())
        #expect(told.value.withLock { $0 } == [code, code])

        let port = try #require(listener.localAddress?.port)
        let client = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port).get()
        try await eventually("the connection to be accepted") { accepted.value.withLock { $0 } == 1 }
        #expect(try await listener.getOption(.autoRead).get())
        try await client.close()
        try await listener.close()
    }

    @Test func `another error is not kept`() async throws {
        let (told, passedOn) = (Box<[CInt]>([]), Box(0))
        let listener = try await listener(told, Box(0), passedOn)

        listener.pipeline.fireErrorCaught(IOError(errnoCode: EINVAL, reason: "accept"))
        #expect(try await listener.getOption(.autoRead).get())
        #expect(told.value.withLock { $0 } == [])
        #expect(passedOn.value.withLock { $0 } == 1)
        try await listener.close()
    }

    private func listener(
        _ told: Box<[CInt]>, _ accepted: Box<Int>, _ passedOn: Box<Int> = Box(0)
    ) async throws -> any Channel {
        try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        AcceptPause { error in told.value.withLock { $0.append(error.errnoCode) } },
                        ErrorCount(passedOn),
                    ])
                }
            }
            .childChannelInitializer { channel in
                accepted.value.withLock { $0 += 1 }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

private final class Box<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

private final class ErrorCount: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let count: Box<Int>

    init(_ count: Box<Int>) { self.count = count }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { count.value.withLock { $0 += 1 } }
}
