package import NIOCore

// Every way in which a connection ends.
extension TLSHandler {
    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .all: closeAll(context, promise)
        case .output: closeOutput(context, promise)
        case .input: promise?.fail(ChannelError.operationUnsupported)
        }
    }

    /// Reports the error, sends the alert that OpenSSL has for it, and closes. Only the first error counts.
    func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        switch phase {
        case .idle, .handshaking, .established: break
        case .failed, .closed: return
        }
        guard !isClosing else { return closeChannel(context) }
        phase = .failed(error)
        deadline?.cancel()
        failWaitingWrites(error)
        let isAlertDue = error is TLSError && (session?.outboundBytes ?? 0) > 0 && !isSocketInputClosed
        if isAlertDue { sendAlert(context) } else { failEncryptedWrites(error) }
        context.fireErrorCaught(error)
        if !isAlertDue { closeChannel(context) }
    }

    /// Half-closes after close_notify; before the end of the handshake, as soon as it is done.
    func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        switch phase {
        case .idle, .handshaking:
            guard earlyOutputClose == nil else {
                promise?.fail(ChannelError.outputClosed)
                return
            }
            earlyOutputClose = EarlyOutputClose(promise: promise)
        case .established:
            guard !isOutputClosed else {
                promise?.fail(ChannelError.outputClosed)
                return
            }
            sendCloseNotify(context) { handler, result in
                handler.outputFlushed(result, context, promise)
            }
        case .failed(let error):
            promise?.fail(error)
        case .closed:
            promise?.fail(ChannelError.alreadyClosed)
        }
    }

    /// Both ends have said close_notify, and ours is on its way: nothing is left to wait for.
    func closeIfBothEnded(_ context: ChannelHandlerContext) {
        guard isInputClosed, isOutputFlushed else { return }
        closeChannel(context)
    }

    /// Closes the channel, and tells all who asked for it.
    func closeChannel(_ context: ChannelHandlerContext) {
        let promises = closePromises
        closePromises = []
        let promise = promises.first
        for other in promises.dropFirst() { promise?.futureResult.cascade(to: other) }
        context.close(mode: .all, promise: promise)
    }

    /// Runs `action` after `timeout`, in place of the deadline before.
    func setDeadline(
        _ timeout: TimeAmount, _ context: ChannelHandlerContext,
        _ action: @escaping (TLSHandler, ChannelHandlerContext) -> Void
    ) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { action(self, context) }
    }

    /// Frees what the connection held.
    func release(_ error: any Error) {
        phase = .closed
        deadline?.cancel()
        deadline = nil
        failWaitingWrites(error)
        failEncryptedWrites(error)
        session = nil
        let promises = closePromises
        closePromises = []
        for promise in promises { promise.succeed() }
    }

    private func closeAll(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        switch phase {
        case .idle, .handshaking, .closed:
            release(ChannelError.ioOnClosedChannel)
            context.close(mode: .all, promise: promise)
        case .failed:
            // The alert is on its way, and its deadline closes the channel.
            if let promise { closePromises.append(promise) }
        case .established:
            if let promise { closePromises.append(promise) }
            guard !isClosing else { return }
            isClosing = true
            setDeadline(Self.closeTimeout, context) { handler, context in handler.closeChannel(context) }
            if isOutputFlushed { return closeChannel(context) }
            // Otherwise the half-close that is under way closes the channel when it is done.
            if !isOutputClosed {
                sendCloseNotify(context) { handler, _ in handler.closeChannel(context) }
            }
        }
    }

    private func outputFlushed(
        _ result: Result<Void, any Error>, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        if case .failure(let error) = result {
            promise?.fail(error)
            return
        }
        isOutputFlushed = true
        if isClosing || isInputClosed {
            if let promise { closePromises.append(promise) }
            closeChannel(context)
        } else {
            context.close(mode: .output, promise: promise)
        }
    }

    /// `completion` runs when the socket has taken all bytes, or never will.
    private func sendCloseNotify(
        _ context: ChannelHandlerContext,
        completion: @escaping (TLSHandler, Result<Void, any Error>) -> Void
    ) {
        isOutputClosed = true
        for promise in earlyWrites.removeAll() { promise.fail(ChannelError.outputClosed) }
        session?.close()
        let flushed = context.eventLoop.makePromise(of: Void.self)
        flushed.futureResult.assumeIsolated().whenComplete { completion(self, $0) }
        send(context, promise: flushed)
    }

    /// A peer that is still sending when we close would get a reset, which can overtake the alert: so we half-close,
    /// and read for a moment what it sends.
    private func sendAlert(_ context: ChannelHandlerContext) {
        setDeadline(Self.lingerTimeout, context) { handler, context in handler.closeChannel(context) }
        let flushed = context.eventLoop.makePromise(of: Void.self)
        flushed.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success:
                context.close(mode: .output, promise: nil)
                context.read()
            case .failure:
                self.closeChannel(context)
            }
        }
        send(context, promise: flushed)
    }

    private func failWaitingWrites(_ error: any Error) {
        let writes = earlyWrites.removeAll()
        let close = earlyOutputClose?.promise
        earlyOutputClose = nil
        for promise in writes { promise.fail(error) }
        close?.fail(error)
    }

    private func failEncryptedWrites(_ error: any Error) {
        let promises = encryptedPromises
        encryptedPromises = []
        for promise in promises { promise.fail(error) }
    }
}
