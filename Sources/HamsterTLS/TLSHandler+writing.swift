package import NIOCore

// Writes are encrypted at once and go to the channel in one buffer at the flush.
extension TLSHandler {
    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = unwrapOutboundIn(data)
        switch phase {
        case .idle, .handshaking:
            wait(buffer, promise, context)
        case .established:
            guard !isOutputClosed, let session else {
                promise?.fail(ChannelError.outputClosed)
                return
            }
            guard earlyWrites.isEmpty, encrypt(buffer, promise, session, context) else {
                return wait(buffer, promise, context)
            }
        case .failed(let error):
            promise?.fail(error)
        case .closed:
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    package func flush(context: ChannelHandlerContext) {
        guard case .established = phase else { return }
        send(context)
    }

    /// Gives the channel all encrypted bytes, and flushes.
    func send(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>? = nil) {
        if let promise { encryptedPromises.append(promise) }
        handOver(context)
        context.flush()
    }

    /// Encrypts what had to wait, as far as possible.
    func encryptEarlyWrites(_ session: TLSSession, _ context: ChannelHandlerContext) {
        guard !earlyWrites.isEmpty else { return }
        while case .established = phase, !isOutputClosed, let buffer = earlyWrites.first {
            let promise = earlyWrites.removeFirst()
            guard encrypt(buffer, promise, session, context) else {
                earlyWrites.putBack(buffer, promise)
                break
            }
        }
        send(context)
    }

    private func wait(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        if earlyWrites.append(buffer, promise) { return }
        let error = TLSError(
            .earlyWritesExceeded, peerName, "more than \(EarlyWrites.bytesMax) bytes were written before the handshake")
        promise?.fail(error)
        fail(error, context)
    }

    /// False when the bytes have to wait; then nothing was taken.
    private func encrypt(
        _ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ session: TLSSession,
        _ context: ChannelHandlerContext
    ) -> Bool {
        do throws(TLSError) {
            // OpenSSL doesn't define what writing nothing means.
            if buffer.readableBytes > 0 {
                guard try session.encrypt(buffer) else { return false }
            }
        } catch {
            promise?.fail(error)
            fail(error, context)
            return true
        }
        if let promise { encryptedPromises.append(promise) }
        if session.outboundBytes >= Self.handOverBytes { handOver(context) }
        return true
    }

    /// Takes the bytes and promises before the call: it can come back to `write` through the channel's writability.
    private func handOver(_ context: ChannelHandlerContext) {
        let buffer = session?.takeOutbound()
        guard buffer != nil || !encryptedPromises.isEmpty else { return }
        let promises = encryptedPromises
        encryptedPromises = []
        let promise = promises.first
        for other in promises.dropFirst() { promise?.futureResult.cascade(to: other) }
        context.write(wrapOutboundOut(buffer ?? ByteBuffer()), promise: promise)
    }
}
