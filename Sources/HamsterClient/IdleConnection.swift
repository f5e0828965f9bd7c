internal import NIOCore

/// How a transfer has ended, and what it has left.
struct TransferEnd: Sendable {
    var outcome: TransferOutcome
    /// On which the server waits for another request; nil: the connection is closed.
    var connection: IdleConnection?
}

/// A connection that has carried a file to its end, and can carry another.
struct IdleConnection: Sendable {
    let channel: any Channel
    let streamID: String

    /// Puts a handler for the next file on the connection. Throws where it has ended meanwhile.
    func use(_ makeHandler: @escaping @Sendable () -> TransferHandler) async throws {
        let channel = channel
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let idle = try pipeline.handler(type: IdleHandler.self)
            guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
            try pipeline.addHandler(makeHandler(), position: .after(idle))
            pipeline.removeHandler(idle, promise: nil)
        }.get()
    }

    func close() { channel.close(promise: nil) }
}

/// Sits on an idle connection, and closes it when the server says anything: nothing is owed. It ends soon by itself, long
/// before the server would end it.
final class IdleHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private static let timeout: TimeAmount = .seconds(2)

    private var deadline: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: Self.timeout) { bound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
