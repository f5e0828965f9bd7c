internal import Glibc
package import NIOCore

/// Lets a listener survive that a connection can't be accepted for want of descriptors or memory: it pauses, and tells.
///
/// Without this NIO would ask again at once, for as long as a connection waits in the kernel: a core would be busy with
/// nothing. The established connections are not touched, and those that wait are accepted later.
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = any Channel
    package typealias InboundOut = any Channel

    /// Between two attempts.
    package static let pause: TimeAmount = .milliseconds(200)

    private let onFailure: (IOError) -> Void
    private var resumption: Scheduled<Void>?

    /// `onFailure` is called for every failed attempt, on the listener's event loop.
    package init(onFailure: @escaping (IOError) -> Void) { self.onFailure = onFailure }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, Self.isTemporary(error.errnoCode) else {
            context.fireErrorCaught(error)
            return
        }
        onFailure(error)
        pause(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        resumption?.cancel()
        context.fireChannelInactive()
    }

    /// NIO does not close the listener for these.
    private static func isTemporary(_ code: CInt) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
    }

    private func pause(_ context: ChannelHandlerContext) {
        guard resumption == nil else { return }
        setReading(false, context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resumption = context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context) = bound.value
            handler.resumption = nil
            handler.setReading(true, context)
        }
    }

    private func setReading(_ isOn: Bool, _ context: ChannelHandlerContext) {
        // Fails only for a channel that is closed, and that accepts nothing any more.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }
}
