package import HamsterEnrollment
internal import HamsterNetwork
internal import HamsterProtocol
package import HamsterTLS
internal import NIOCore
internal import NIOPosix

/// Asks a server for a certificate: one connection, one line, one answer.
package enum EnrollmentExchange {
    /// What the server has sent, PEM both.
    package struct Answer: Sendable {
        /// The host's certificate, then those of the CAs between it and the root.
        package var chain: [UInt8]
        /// Empty after a renewal.
        package var root: [UInt8]
        /// Where the host is to send; nil: to the port that it asked at.
        package var streamPort: Int?
    }

    /// `makeLine` gives what is asked, once the server is verified. Throws ``ClientError``, and `TLSError` where the certificates
    /// can't be used.
    package static func ask(
        _ target: ClientConfiguration.Target, timeout: Duration,
        _ makeLine: @escaping @Sendable (TLSHandshakeCompleted) -> EnrollmentLine
    ) async throws -> Answer {
        guard let tls = target.tls else {
            throw ClientError.unreachable(target: target.description, reason: "TLS is off")
        }
        let context = try TLSContext(client: tls, applicationProtocols: [ProtocolLimits.enrollmentProtocol])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Answer, any Error>
        do {
            let (_, answer): (any Channel, EventLoopFuture<Answer>) = try await Dialer(group: group).connect(
                to: Connector.Endpoint(target: target, context: context), timeout: TimeAmount(timeout)
            ) { promise in
                EnrollmentExchangeHandler(answer: promise, timeout: TimeAmount(timeout * 3), makeLine)
            }
            result = .success(try await answer.get())
        } catch {
            result = .failure(error)
        }
        try await group.shutdownGracefully()
        return try result.get()
    }
}

/// Sends the line behind the greeting, and collects what comes.
private final class EnrollmentExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case greeting
        case asked
        case receiving(EnrollmentGrant, ByteBuffer)
        case ended
    }

    /// The alert of a server that doesn't speak this protocol (RFC 7301, section 3.2).
    private static let noApplicationProtocol: UInt8 = 120

    private static let notOffered = Reply(
        .forbidden, "this server gives out no certificates: set [enroll] in its configuration")

    private let answer: EventLoopPromise<EnrollmentExchange.Answer>
    private let timeout: TimeAmount
    private let makeLine: @Sendable (TLSHandshakeCompleted) -> EnrollmentLine
    private var handshake: TLSHandshakeCompleted?
    private var state = State.greeting
    private var decoder = LineDecoder()
    private var deadline: Scheduled<Void>?

    /// `answer` is completed exactly once, whatever happens.
    init(
        answer: EventLoopPromise<EnrollmentExchange.Answer>, timeout: TimeAmount,
        _ makeLine: @escaping @Sendable (TLSHandshakeCompleted) -> EnrollmentLine
    ) {
        self.answer = answer
        self.timeout = timeout
        self.makeLine = makeLine
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) {
            let (handler, context) = bound.value
            handler.fail(.interrupted("the server has not answered in time"), context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(.interrupted("the connection was closed"), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as TLSHandshakeCompleted: handshake = event
        case let event as ChannelEvent where event == .inputClosed:
            fail(.interrupted("the server closed the connection"), context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .receiving(let grant, var received) = state {
            received.writeBuffer(&bytes)
            return receive(grant, received, context)
        }
        decoder.append(bytes)
        do throws(ProtocolError) {
            while let line = try nextLine() { try received(line, context) }
        } catch {
            fail(.violated(error), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError, error.alert == Self.noApplicationProtocol {
            return fail(.refused(Self.notOffered), context)
        }
        if let error = error as? TLSError { return fail(.tls("\(error)", isLasting: error.isLasting), context) }
        fail(.interrupted(reasonOfNetworkError(error)), context)
    }

    private func nextLine() throws(ProtocolError) -> [UInt8]? {
        switch state {
        case .greeting, .asked: try decoder.next()
        case .receiving, .ended: nil
        }
    }

    private func received(_ line: [UInt8], _ context: ChannelHandlerContext) throws(ProtocolError) {
        if let grant = try EnrollmentGrant(parsing: line), case .asked = state {
            return receive(grant, decoder.takeRest(), context)
        }
        switch try ServerLine(parsing: line) {
        case .welcome: break
        case .streamID: ask(context)
        case .refused(let reply): fail(.refused(reply), context)
        case .ready, .acknowledged: throw ProtocolError(.unexpected, "no answer to a request for a certificate")
        }
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard case .greeting = state, let handshake else { return }
        guard handshake.applicationProtocol == ProtocolLimits.enrollmentProtocol else {
            return fail(.refused(Self.notOffered), context)
        }
        state = .asked
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: makeLine(handshake).bytes)), promise: nil)
    }

    private func receive(_ grant: EnrollmentGrant, _ received: ByteBuffer, _ context: ChannelHandlerContext) {
        state = .receiving(grant, received)
        var received = received
        guard let chain = received.readBytes(length: grant.certificateByteCount),
            let root = received.readBytes(length: grant.rootByteCount)
        else { return }
        end(.success(EnrollmentExchange.Answer(chain: chain, root: root, streamPort: grant.streamPort)), context)
    }

    private func fail(_ error: ClientError, _ context: ChannelHandlerContext) { end(.failure(error), context) }

    private func end(_ result: Result<EnrollmentExchange.Answer, any Error>, _ context: ChannelHandlerContext) {
        if case .ended = state { return }
        state = .ended
        deadline?.cancel()
        answer.completeWith(result)
        context.close(promise: nil)
    }
}
