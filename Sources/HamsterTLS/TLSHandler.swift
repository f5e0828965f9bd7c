package import NIOCore

/// TLS for one channel, for either end of the connection: plain bytes on one side, encrypted bytes on the other.
///
/// Make it in the channel initializer, on its event loop, for a channel with `allowRemoteHalfClosure`. It fires
/// - `TLSHandshakeCompleted`, once, when the peer is verified; writes before that wait, 1 MiB at most;
/// - one `channelRead` for all that one read of the socket brought;
/// - `ChannelEvent.inputClosed`, once, after the last byte, when the peer said close_notify;
/// - one error, and then it closes the channel: a `TLSError`, or the socket's own error.
///
/// `close(mode: .output)` sends close_notify and half-closes. Who has sent all it had should do that, and read until
/// the peer's end: closing at once with unread bytes (tickets, at least) makes the kernel reset the connection, and
/// takes from the peer what is on its way.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// How far the connection has come.
    enum Phase {
        /// The channel isn't active yet.
        case idle
        case handshaking
        case established
        /// The error was reported; its alert goes out, and nothing else in or out.
        case failed(any Error)
        case closed
    }

    /// Encrypted bytes that go to the channel before the flush, so that its writability tells of them.
    static let handOverBytes = 64 * 1024
    /// Bytes the TLS layer may have replied while the channel isn't writable: more is a peer that only asks.
    static let blockedRepliesBytesMax = 64 * 1024
    /// How long a close waits for the socket to take the last bytes.
    static let closeTimeout = TimeAmount.seconds(5)
    /// How long a peer that was refused may go on sending, so that it can read why.
    static let lingerTimeout = TimeAmount.seconds(2)

    private let tlsContext: TLSContext
    let peerName: String
    private let handshakeTimeout: TimeAmount
    var session: TLSSession?
    var phase = Phase.idle
    /// The handshake's deadline; later, the one for closing.
    var deadline: Scheduled<Void>?
    var earlyWrites = EarlyWrites()
    /// Promises of writes whose encrypted bytes have not gone to the channel yet.
    var encryptedPromises: [EventLoopPromise<Void>] = []
    /// Promises of those who asked for a close that waits for the last bytes.
    var closePromises: [EventLoopPromise<Void>] = []
    /// A half-close that waits for the handshake.
    var earlyOutputClose: EarlyOutputClose?
    /// The rules have changed during the handshake.
    private var pendingRecheck: TLSRecheck?
    /// Whether the handler behind wants bytes that no read has brought yet.
    private var isReadWanted = false
    private var blockedRepliesBytes = 0
    /// Whether the peer said close_notify.
    var isInputClosed = false
    /// Whether the socket came to its end.
    var isSocketInputClosed = false
    /// Whether close_notify was sent, or is about to be.
    var isOutputClosed = false
    /// Whether close_notify and all before it were taken by the socket.
    var isOutputFlushed = false
    /// Whether the channel is closed as soon as the last bytes are gone.
    var isClosing = false

    /// A half-close that was asked for before the end of the handshake.
    struct EarlyOutputClose {
        var promise: EventLoopPromise<Void>?
    }

    /// `peerName` is how error texts name the peer, such as `log.example.com:7007`. `handshakeTimeout` runs from the
    /// moment the channel is active.
    package init(context: TLSContext, peerName: String, handshakeTimeout: TimeAmount) {
        tlsContext = context
        self.peerName = peerName
        self.handshakeTimeout = handshakeTimeout
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        release(ChannelError.ioOnClosedChannel)
    }

    package func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        start(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        isSocketInputClosed = true
        endOfSocket(context)
        release(ChannelError.ioOnClosedChannel)
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, !isClosing else { return }
        switch phase {
        case .handshaking:
            do throws(TLSError) {
                try session.receiveHandshake(unwrapInboundIn(data))
                continueHandshake(session, context)
            } catch {
                fail(error, context)
            }
        case .established where !isInputClosed:
            session.receive(unwrapInboundIn(data))
            deliver(session, context)
        case .idle, .established, .failed, .closed:
            break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        sendReplies(context)
        switch phase {
        case .handshaking, .failed: context.read()
        case .established where isReadWanted: context.read()
        case .idle, .established, .closed: break
        }
    }

    package func read(context: ChannelHandlerContext) {
        isReadWanted = true
        context.read()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            isSocketInputClosed = true
            endOfSocket(context)
        case let recheck as TLSRecheck:
            self.recheck(recheck, context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error, context)
    }

    private func recheck(_ recheck: TLSRecheck, _ context: ChannelHandlerContext) {
        switch phase {
        case .idle, .handshaking:
            // The handshake goes on by the old rules, and its outcome is judged by the new ones.
            pendingRecheck = recheck
        case .established:
            guard let session, let reason = recheck.objection(to: session) else { return }
            context.fireUserInboundEventTriggered(TLSPeerObjection(reason: reason))
        case .failed, .closed: break
        }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard case .idle = phase else { return }
        phase = .handshaking
        do throws(TLSError) {
            let session = try TLSSession(context: tlsContext, peerName: peerName)
            self.session = session
            setDeadline(handshakeTimeout, context) { handler, context in
                handler.fail(session.handshakeTimedOut(after: handler.handshakeTimeout), context)
            }
            // A server has nothing to say yet, and OpenSSL reserves its buffers as soon as it is asked.
            if tlsContext.role == .client { continueHandshake(session, context) }
            context.read()
        } catch {
            fail(error, context)
        }
    }

    private func continueHandshake(_ session: TLSSession, _ context: ChannelHandlerContext) {
        do throws(TLSError) {
            switch try session.handshake() {
            case .incomplete: send(context)
            case .complete: completeHandshake(try session.negotiated(), session, context)
            }
        } catch {
            fail(error, context)
        }
    }

    private func completeHandshake(
        _ completed: TLSHandshakeCompleted, _ session: TLSSession, _ context: ChannelHandlerContext
    ) {
        phase = .established
        deadline?.cancel()
        encryptEarlyWrites(session, context)
        send(context)
        context.fireUserInboundEventTriggered(completed)
        if let recheck = pendingRecheck { self.recheck(recheck, context) }
        pendingRecheck = nil
        if let close = earlyOutputClose {
            earlyOutputClose = nil
            closeOutput(context, close.promise)
        }
        deliver(session, context)
    }

    private func deliver(_ session: TLSSession, _ context: ChannelHandlerContext) {
        guard case .established = phase, !isClosing else { return }
        let decrypted = session.decrypt(allocator: context.channel.allocator)
        if case .closed = decrypted.ending { isInputClosed = true }
        if let plaintext = decrypted.plaintext {
            isReadWanted = false
            context.fireChannelRead(wrapInboundOut(plaintext))
        }
        switch decrypted.ending {
        case .none: encryptEarlyWrites(session, context)
        case .closed: inputEnded(context)
        case .failed(let error): fail(error, context)
        }
    }

    private func inputEnded(_ context: ChannelHandlerContext) {
        guard case .established = phase, !isClosing else { return }
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        closeIfBothEnded(context)
    }

    /// Sends what reading made the TLS layer say. A peer that makes it talk and doesn't listen would fill the memory.
    private func sendReplies(_ context: ChannelHandlerContext) {
        guard let session, session.outboundBytes > 0 else { return }
        blockedRepliesBytes = context.channel.isWritable ? 0 : blockedRepliesBytes + session.outboundBytes
        send(context)
        if blockedRepliesBytes > Self.blockedRepliesBytesMax { fail(session.repliesUnread(), context) }
    }

    /// The socket is at its end, which is in order only after close_notify.
    private func endOfSocket(_ context: ChannelHandlerContext) {
        guard let session, !isClosing else { return }
        switch phase {
        case .handshaking: fail(session.closedDuringHandshake(), context)
        case .established where !isInputClosed: fail(session.truncated(), context)
        case .failed: closeChannel(context)
        case .idle, .established, .closed: break
        }
    }
}
