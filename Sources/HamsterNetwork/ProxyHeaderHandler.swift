package import NIOCore

/// Waits for the PROXY header of a connection, and hands the connection on with what it says.
package final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    private let timeout: TimeAmount
    private let onHeader: (ProxyHeader) throws -> Void
    private let onFailure: (String) -> Void
    private let isEnd: (Any) -> Bool
    private var received = ByteBuffer()
    private var deadline: Scheduled<Void>?
    private var isOver = false

    /// `onHeader` adds the handlers that take the connection from there, behind this one; `onFailure` hears in a few words
    /// why the connection is closed instead. One of them is called, once, on the event loop. `isEnd` knows the user events
    /// that end a connection.
    package init(
        timeout: TimeAmount, isEnd: @escaping (Any) -> Bool = { _ in false },
        onHeader: @escaping (ProxyHeader) throws -> Void, onFailure: @escaping (String) -> Void
    ) {
        self.timeout = timeout
        self.onHeader = onHeader
        self.onFailure = onFailure
        self.isEnd = isEnd
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) {
            let (handler, context) = bound.value
            handler.fail("its PROXY header did not come in time", context)
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var more = unwrapInboundIn(data)
        received.writeBuffer(&more)
        do {
            guard let header = try ProxyHeader.take(from: &received) else { return }
            try onHeader(header)
            isOver = true
            handOver(context)
        } catch {
            fail("\(error)", context)
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            return fail("it ended before its PROXY header", context)
        }
        if !isOver, isEnd(event) { return fail("the server stops", context) }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(reasonOfNetworkError(error), context)
    }

    private func handOver(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        onFailure(reason)
        context.close(promise: nil)
    }
}
