internal import HamsterProtocol
internal import NIOCore

/// Finds out whether a server answers, and closes.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<Bool>
    private let timeout: TimeAmount
    private var decoder = LineDecoder()
    private var deadline: Scheduled<Void>?
    private var isAnswered = false

    init(answer: EventLoopPromise<Bool>, timeout: TimeAmount) {
        self.answer = answer
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) {
            let (handler, context) = bound.value
            handler.end(false, context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(false, context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        do throws(ProtocolError) {
            guard let line = try decoder.next() else { return }
            // A server that is full or stops says so in place of its welcome.
            if case .welcome = try ServerLine(parsing: line) { end(true, context) } else { end(false, context) }
        } catch {
            end(false, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(false, context) }

    func channelInactive(context: ChannelHandlerContext) {
        end(false, context)
        context.fireChannelInactive()
    }

    private func end(_ isWelcome: Bool, _ context: ChannelHandlerContext) {
        guard !isAnswered else { return }
        isAnswered = true
        deadline?.cancel()
        answer.succeed(isWelcome)
        context.close(promise: nil)
    }
}
