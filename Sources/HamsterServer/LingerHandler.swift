internal import NIOCore

/// The last moment of a connection: half-closes, reads what still comes and throws it away, then closes.
///
/// Closing at once while bytes of the peer are unread makes the kernel send a reset, and that would take the last line
/// away from the peer (RFC 1122, section 4.2.2.13).
final class LingerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How long a peer has to close its side.
    private static let timeout: TimeAmount = .seconds(2)

    private var deadline: Scheduled<Void>?

    /// Puts the linger handler in the place of `handler`, which is done with the connection.
    static func close(
        _ context: ChannelHandlerContext, replacing handler: some RemovableChannelHandler, hasPeerClosed: Bool
    ) {
        context.flush()
        guard !hasPeerClosed else {
            context.close(promise: nil)
            return
        }
        let pipeline = context.pipeline.syncOperations
        // First: a handler that withholds reads would keep those of its successor too.
        pipeline.removeHandler(handler, promise: nil)
        do {
            try pipeline.addHandler(LingerHandler())
        } catch {
            // The pipeline is gone with its channel.
            context.close(promise: nil)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: Self.timeout) { bound.value.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { deadline?.cancel() }
}
