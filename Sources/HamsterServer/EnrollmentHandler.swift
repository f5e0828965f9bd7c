internal import HamsterCore
internal import HamsterEnrollment
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Runs a connection on which a host asks for a certificate: greets, reads one line, answers, closes.
final class EnrollmentHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the handlers of all connections share.
    struct Desk: Sendable {
        let registrar: Registrar
        let door: EnrollmentDoor
        let threadPool: NIOThreadPool
        let metrics: ServerMetrics
    }

    /// Who asks.
    struct Visitor {
        var handshake: TLSHandshakeCompleted
        var address: AddressBlock?
        /// As text, for the records.
        var addressText: String
        var streamID: String
        var mayUseTokens: Bool
    }

    private let desk: Desk
    private let visitor: Visitor
    private let refusals: RefusalLogs
    private let timeout: TimeAmount
    private let logger: Logger
    private var decoder = LineDecoder()
    private var deadline: Scheduled<Void>?
    private var isAsked = false
    private var isDone = false
    private var hasPeerClosed = false

    init(desk: Desk, visitor: Visitor, refusals: RefusalLogs, timeout: TimeAmount, logger: Logger) {
        self.desk = desk
        self.visitor = visitor
        self.refusals = refusals
        self.timeout = timeout
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) {
            let (handler, context) = bound.value
            handler.end(context)
        }
        send(ServerLine.welcome.bytes + ServerLine.streamID(visitor.streamID).bytes, context)
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        isDone = true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAsked, !isDone else { return }
        decoder.append(unwrapInboundIn(data))
        do throws(ProtocolError) {
            guard let line = try decoder.next() else { return }
            isAsked = true
            received(line, context)
        } catch {
            isAsked = true
            refused("malformed", error.reply, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            hasPeerClosed = true
            if !isAsked { end(context) }
        case let command as StopCommand: refused("failed", command.reply, context)
        case is TLSPeerObjection: end(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context) }

    func channelInactive(context: ChannelHandlerContext) {
        isDone = true
        context.fireChannelInactive()
    }

    private func received(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        // Who has shown a certificate is no stranger who guesses, and many of them may come from one address.
        var attempt: EnrollmentDoor.Attempt?
        if visitor.handshake.peer == nil {
            switch desk.door.enter(visitor.address, at: context.eventLoop.now) {
            case .open(let counted): attempt = counted
            case .closed(let seconds):
                let reply = Reply(.limitReached, "too many attempts from your address", retrySeconds: seconds)
                return refused("limited", reply, context)
            }
        }
        let line: EnrollmentLine
        do {
            line = try EnrollmentLine(parsing: bytes)
        } catch {
            if let attempt { desk.door.leave(attempt, hasFailed: true, at: context.eventLoop.now) }
            return refused("malformed", error.reply, context)
        }
        let promise = context.eventLoop.makePromise(of: Result<Registrar.Issue, Reply>.self)
        // It signs, and waits for the disk.
        desk.threadPool.submit { [desk, visitor] state in
            guard state == .active else {
                return promise.succeed(.failure(Reply(.unavailable, "the server is stopping", retrySeconds: 1)))
            }
            promise.succeed(Result { () throws(Reply) in try desk.decide(line, visitor) })
        }
        let bound = NIOLoopBound((self, context, attempt), eventLoop: context.eventLoop)
        promise.futureResult.whenSuccess { result in
            let (handler, context, attempt) = bound.value
            if let attempt {
                handler.desk.door.leave(attempt, hasFailed: result.isRefusal, at: context.eventLoop.now)
            }
            handler.decided(result, isRenewal: line.isRenewal, context)
        }
    }

    private func decided(_ result: Result<Registrar.Issue, Reply>, isRenewal: Bool, _ context: ChannelHandlerContext) {
        switch result {
        case .success(let issue):
            desk.metrics.enrollments[isRenewal ? "renewed" : "enrolled"].add()
            logger.notice(
                isRenewal ? "certificate renewed" : "host enrolled",
                metadata: [
                    "host": "\(issue.host)", "serial": "\(issue.certificate.serial)",
                    "fingerprint": "\(issue.certificate.fingerprint)",
                ])
            guard !isDone else { return }
            send(issue.answer, context)
            linger(context)
        case .failure(let reply):
            refused(result.isRefusal ? "refused" : "failed", reply, context)
        }
    }

    private func refused(_ result: String, _ reply: Reply, _ context: ChannelHandlerContext) {
        guard !isDone else { return }
        desk.metrics.enrollments[result].add()
        let log = visitor.handshake.peer == nil ? refusals.ofStrangers : refusals.ofPeers
        log.note(.notice, "enrolment refused", reason: "\(reply)", logger, on: context.eventLoop)
        send(reply.line, context)
        linger(context)
    }

    private func linger(_ context: ChannelHandlerContext) {
        isDone = true
        LingerHandler.close(context, replacing: self, hasPeerClosed: hasPeerClosed)
    }

    private func end(_ context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        context.close(promise: nil)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}

/// What a connection has to know, in case that it is for a certificate.
struct EnrollmentEntrance {
    let desk: EnrollmentHandler.Desk
    /// Where it comes from, as text.
    let address: String
    /// Whether a host without a certificate may ask for one here.
    let takesTokens: Bool
    /// Whether nothing else is served here.
    let isAlone: Bool

    func handler(
        _ handshake: TLSHandshakeCompleted, streamID: String, refusals: RefusalLogs, timeout: TimeAmount, logger: Logger
    ) -> EnrollmentHandler {
        EnrollmentHandler(
            desk: desk,
            visitor: EnrollmentHandler.Visitor(
                handshake: handshake, address: IPAddress(address).map(AddressBlock.init), addressText: address,
                streamID: streamID, mayUseTokens: takesTokens),
            refusals: refusals, timeout: timeout, logger: logger)
    }
}

extension EnrollmentHandler.Desk {
    /// Throws the reply that refuses it.
    fileprivate func decide(_ line: EnrollmentLine, _ visitor: EnrollmentHandler.Visitor) throws(Reply)
        -> Registrar.Issue
    {
        switch line {
        case .enroll(let tokenID, let proof, let request):
            guard visitor.mayUseTokens else {
                throw Reply(.forbidden, "tokens are taken at the address that 'enroll.listen' names")
            }
            guard visitor.handshake.version == "TLSv1.3" else { throw Reply(.forbidden, "ENROLL needs TLS 1.3") }
            return try registrar.enroll(
                tokenID: tokenID, proof: proof, request: request, channelBinding: visitor.handshake.channelBinding,
                from: visitor.addressText)
        case .renew(let request):
            guard let peer = visitor.handshake.peer else {
                throw Reply(.forbidden, "RENEW needs the certificate that is to be renewed")
            }
            let names = peer.dnsNames + peer.ipAddresses
            guard peer.isOwnIssue, names.count == 1, let host = names.first,
                StreamSource.isHostName(Array(host.utf8)) || IPAddress(host) != nil
            else {
                throw Reply(.forbidden, "certificates of other CAs, or with several names, are not renewed here")
            }
            return try registrar.renew(
                request, host: host, previous: peer.serial, from: visitor.addressText)
        }
    }
}

extension EnrollmentLine {
    fileprivate var isRenewal: Bool {
        switch self {
        case .renew: true
        case .enroll: false
        }
    }
}

extension Result where Success == Registrar.Issue, Failure == Reply {
    /// Whether it is the visitor who is at fault.
    fileprivate var isRefusal: Bool {
        guard case .failure(let reply) = self else { return false }
        switch reply.code {
        case .malformed, .forbidden, .lineTooLong: return true
        case .ready, .noOutput, .busy, .limitReached, .serverFailed, .unavailable, .outputFailed: return false
        }
    }
}
