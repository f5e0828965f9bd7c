internal import NIOCore

/// Finds the end of a stream that another one follows on its connection, and keeps what came of that one meanwhile.
struct NextStream {
    private var bytesLeft: UInt64
    /// What was read together with this stream's last bytes: at most what one read takes.
    private var surplus = ByteBuffer()
    private let makeHandler: () -> OpeningHandler

    /// `byteCount` are still to come of this stream; `makeHandler` makes what takes over then.
    init(after byteCount: UInt64, _ makeHandler: @escaping () -> OpeningHandler) {
        bytesLeft = byteCount
        self.makeHandler = makeHandler
    }

    /// Whether bytes of the next stream have come.
    var hasBegun: Bool { surplus.readableBytes > 0 }

    /// Whether all bytes of this stream have come.
    var isDue: Bool { bytesLeft == 0 }

    /// Leaves of `batch` what belongs to this stream.
    mutating func split(_ batch: inout ByteBuffer) {
        let byteCount = Int(min(bytesLeft, UInt64(batch.readableBytes)))
        bytesLeft -= UInt64(byteCount)
        guard byteCount < batch.readableBytes else { return }
        var rest = batch
        rest.moveReaderIndex(forwardBy: byteCount)
        surplus.writeBuffer(&rest)
        batch = batch.getSlice(at: batch.readerIndex, length: byteCount) ?? ByteBuffer()
    }

    /// Puts what waits for the next `INIT STREAM` into the place of `handler`, which is done.
    func begin(
        _ context: ChannelHandlerContext, replacing handler: StreamHandler, isReadWithheld: Bool, hasPeerClosed: Bool
    ) {
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(makeHandler(), position: .after(handler))
        } catch {
            // The pipeline is gone with its channel.
            context.close(promise: nil)
            return
        }
        if surplus.readableBytes > 0 { context.fireChannelRead(NIOAny(surplus)) }
        if hasPeerClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        if isReadWithheld { context.read() }
        pipeline.removeHandler(handler, promise: nil)
    }
}
