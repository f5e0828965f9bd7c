internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterStore
internal import HamsterTLS
internal import Logging
internal import NIOCore

/// Runs a connection until its stream is open: greets, reads `INIT STREAM`, asks for admission, hands over. Where a stream
/// was before, there is no greeting.
final class OpeningHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let admission: StreamAdmission
    private let handle: StreamHandle
    private let refusal: Reply?
    private let awaitsTLS: Bool
    private let timeout: TimeAmount
    private let enrollment: EnrollmentEntrance?
    private var environment: StreamHandler.Environment
    private var machine = ServerOpening()
    private var decoder = LineDecoder()
    private var identity: PeerIdentity?
    private var deadline: Scheduled<Void>?
    private var hasGreeted = false
    private var isSuccessor = false
    private var hasPeerClosed = false
    private var isGone = false
    private var isReadWithheld = false
    /// When the handshake began; nil: there is none, or it is over.
    private var handshakeStart: NIODeadline?

    /// A connection with a `refusal` hears that in place of the welcome lines.
    init(
        admission: StreamAdmission, handle: StreamHandle, awaitsTLS: Bool, refusal: Reply?, timeout: TimeAmount,
        enrollment: EnrollmentEntrance? = nil, environment: StreamHandler.Environment
    ) {
        self.admission = admission
        self.handle = handle
        self.awaitsTLS = awaitsTLS
        self.refusal = refusal
        self.timeout = timeout
        self.enrollment = enrollment
        self.environment = environment
    }

    /// For the stream that follows the one which this handler opens.
    private func successor() -> OpeningHandler {
        let handler = OpeningHandler(
            admission: admission, handle: handle.next(), awaitsTLS: false, refusal: nil, timeout: timeout,
            environment: environment)
        handler.identity = identity
        handler.hasGreeted = true
        handler.isSuccessor = true
        return handler
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) {
            let (handler, context) = bound.value
            handler.timedOut(context)
        }
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        isGone = true
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        advance(context)
    }

    /// What comes while an answer is awaited stays with the kernel: a stranger can fill no memory here.
    func read(context: ChannelHandlerContext) {
        guard machine.wantsLine else {
            isReadWithheld = true
            return
        }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSHandshakeCompleted:
            identity = event.peer
            environment.peer = event.peer?.dnsNames.first
            environment.logger[metadataKey: "peer"] = "\(event.peer?.dnsNames.first ?? "-")"
            environment.logger.debug(
                "TLS established",
                metadata: [
                    "version": "\(event.version)", "cipher": "\(event.cipher)", "resumed": "\(event.isResumed)",
                ])
            handshakeSucceeded(event, context)
            if event.applicationProtocol == ProtocolLimits.enrollmentProtocol, refusal == nil, let enrollment {
                return enroll(event, enrollment, context)
            }
            if let enrollment, enrollment.isAlone {
                return run(machine.aborted(Reply(.forbidden, "this address is for enrolment alone")), context)
            }
            greet(context)
        case let event as ChannelEvent where event == .inputClosed:
            hasPeerClosed = true
            // A plain sender may have sent all and closed before its stream was open.
            if machine.wantsLine { context.close(promise: nil) }
        case let command as StopCommand:
            run(machine.aborted(command.reply), context)
        case let objection as TLSPeerObjection:
            environment.logger.notice("connection is ended", metadata: ["reason": "\(objection.reason)"])
            run(machine.aborted(StopCommand.identityEnded(objection.reason).reply), context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isSuccessor { return left(reasonOfNetworkError(error), context) }
        environment.statistics.connectionRefused()
        handshakeFailed((error as? TLSError)?.handshakeReason ?? "connection")
        note(.info, "connection refused", reason: reasonOfNetworkError(error), context)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isGone = true
        context.fireChannelInactive()
    }
}

extension OpeningHandler {
    private func begin(_ context: ChannelHandlerContext) {
        guard awaitsTLS else { return greet(context) }
        handshakeStart = context.eventLoop.now
    }

    private func handshakeSucceeded(_ event: TLSHandshakeCompleted, _ context: ChannelHandlerContext) {
        environment.statistics.metrics.handshakes["ok", "", event.version, "\(event.isResumed)"].add()
        guard let start = handshakeStart else { return }
        handshakeStart = nil
        environment.statistics.metrics.handshakeTime.observe(Duration(context.eventLoop.now - start))
    }

    /// Counted once, and not after the handshake's end.
    private func handshakeFailed(_ reason: String) {
        guard handshakeStart != nil else { return }
        handshakeStart = nil
        environment.statistics.metrics.handshakes["failed", reason, "", ""].add()
    }

    private func greet(_ context: ChannelHandlerContext) {
        guard !hasGreeted else { return }
        hasGreeted = true
        if let refusal {
            environment.statistics.connectionRefused()
            return run(machine.aborted(refusal), context)
        }
        environment.statistics.connectionAccepted()
        send(ServerLine.welcome.bytes + ServerLine.streamID(handle.streamID).bytes, context)
    }

    /// Hands the connection over to where hosts get their certificates.
    private func enroll(
        _ event: TLSHandshakeCompleted, _ entrance: EnrollmentEntrance, _ context: ChannelHandlerContext
    ) {
        environment.statistics.connectionAccepted()
        hasGreeted = true
        let handler = entrance.handler(
            event, streamID: handle.streamID, refusals: environment.refusals, timeout: timeout,
            logger: environment.logger)
        let pipeline = context.pipeline.syncOperations
        // First: a handler that withholds reads would keep those of its successor too.
        pipeline.removeHandler(self, promise: nil)
        do {
            try pipeline.addHandler(handler)
        } catch {
            context.close(promise: nil)
        }
    }

    private func advance(_ context: ChannelHandlerContext) {
        while machine.wantsLine, !isGone {
            do throws(ProtocolError) {
                guard let line = try decoder.next() else { return }
                run(machine.received(line: line), context)
            } catch {
                run(machine.failed(error), context)
            }
        }
    }

    private func run(_ action: ServerOpening.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .awaitLine, .ignore:
            break
        case .decide(let request):
            decide(request, context)
        case .refuse(let reply):
            refused(reply, context)
            if hasPeerClosed { context.close(promise: nil) }
        case .refuseAndClose(let reply):
            refused(reply, context)
            LingerHandler.close(context, replacing: self, hasPeerClosed: hasPeerClosed)
        case .open:
            // Only ``admitted(_:_:_:)`` gets this, since only it has the output.
            break
        }
    }

    private func refused(_ reply: Reply, _ context: ChannelHandlerContext) {
        environment.statistics.streamRefused()
        environment.statistics.metrics.refusals["\(reply.code.rawValue)"].add()
        note(.notice, "stream refused", reason: "\(reply)", context)
        send(reply.line, context)
    }

    private func note(
        _ level: Logger.Level, _ message: Logger.Message, reason: @autoclosure () -> String,
        _ context: ChannelHandlerContext
    ) {
        let log = identity == nil ? environment.refusals.ofStrangers : environment.refusals.ofPeers
        log.note(level, message, reason: reason(), environment.logger, on: context.eventLoop)
    }

    private func send(_ line: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: line)), promise: nil)
    }

    private func decide(_ request: StreamRequest, _ context: ChannelHandlerContext) {
        environment.logger[metadataKey: "host"] = "\(request.source.host)"
        environment.logger[metadataKey: "path"] = "\(printable(request.source.path.bytes, charactersMax: 300))"
        let promise = context.eventLoop.makePromise(of: Result<StreamAdmission.Admitted, Reply>.self)
        promise.completeWithTask { [admission, identity, handle] in
            await admission.admit(request, from: identity, handle: handle)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .success(let answer): handler.answered(request, answer, context)
            case .failure(let error):
                handler.answered(request, .failure(Reply(.serverFailed, "admission failed: \(error)")), context)
            }
        }
    }

    private func answered(
        _ request: StreamRequest, _ answer: Result<StreamAdmission.Admitted, Reply>, _ context: ChannelHandlerContext
    ) {
        switch answer {
        case .failure(let reply):
            environment.registry.reports.failed(request.source, "\(reply)", at: FileTime.now.seconds)
            guard !isGone else { return }
            run(machine.decided(.failure(reply)), context)
            advance(context)
            resumeReading(context)
        case .success(let admitted):
            admit(request, admitted, context)
        }
    }

    private func admit(
        _ request: StreamRequest, _ admitted: StreamAdmission.Admitted, _ context: ChannelHandlerContext
    ) {
        guard !isGone, case .open(_, let grant) = machine.decided(.success(admitted.grant)),
            let stream = StreamHandler(
                request: request, admitted: admitted, handle: handle, loop: context.eventLoop,
                environment: environment, successor: successor)
        else {
            admitted.writer.close()
            environment.registry.release(handle)
            if !isGone { context.close(promise: nil) }
            return
        }
        environment.logger.info(
            "stream opened", metadata: ["output": "\(admitted.output)", "offset": "\(grant.offset ?? 0)"])
        environment.statistics.streamOpened()
        environment.connections.opened(context.channel)
        send(ServerLine.ready(grant).bytes, context)
        handOver(to: stream, context)
    }

    /// Puts `stream` into this handler's place and gives it what came behind the `INIT` line.
    private func handOver(to stream: StreamHandler, _ context: ChannelHandlerContext) {
        do {
            try context.pipeline.syncOperations.addHandler(stream, position: .after(self))
        } catch {
            environment.logger.debug("connection was gone before its stream opened")
            environment.registry.release(handle)
            return
        }
        let rest = decoder.takeRest()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        if hasPeerClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        resumeReading(context)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard isReadWithheld else { return }
        isReadWithheld = false
        context.read()
    }

    /// The connection has done its work; that no other stream came is nobody's fault.
    private func left(_ reason: String, _ context: ChannelHandlerContext) {
        environment.logger.debug("connection closed", metadata: ["reason": "\(reason)"])
        context.close(promise: nil)
    }

    private func timedOut(_ context: ChannelHandlerContext) {
        guard !isGone else { return }
        if isSuccessor { return left("no other stream was opened in time", context) }
        environment.statistics.connectionRefused()
        handshakeFailed("timeout")
        let reason = hasGreeted ? "no stream was opened in time" : "the TLS handshake was not done in time"
        note(.info, "connection refused", reason: reason, context)
        context.close(promise: nil)
    }
}
