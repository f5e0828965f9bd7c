internal import HamsterNetwork
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Answers one request, and closes the connection: a scraper comes a few times a minute.
final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let path: String
    private let source: MetricsSource
    private let scraping: NIOThreadPool
    private let timeout: TimeAmount
    private let logger: Logger
    private var head: HTTPRequestHead?
    private var hasAnswered = false
    private var deadline: Scheduled<Void>?

    init(path: String, source: MetricsSource, scraping: NIOThreadPool, timeout: TimeAmount, logger: Logger) {
        self.path = path
        self.source = source
        self.scraping = scraping
        self.timeout = timeout
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        // Read and dropped: closing over unread bytes would take the answer away.
        case .body: break
        case .end:
            hasAnswered = true
            if let head { answer(head, context) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent, !hasAnswered { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("scraper turned away", metadata: ["reason": "\(reasonOfNetworkError(error))"])
        let isHTTP = error is HTTPParserError || error is NIOHTTPDecoderError
        guard isHTTP, !hasAnswered else {
            context.close(promise: nil)
            return
        }
        hasAnswered = true
        send(MetricsResponse(.badRequest, "this is no HTTP request that is understood here\n"), isHead: false, context)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isHead = head.method == .HEAD
        let page = head.uri.prefix { $0 != "?" }
        guard [path, MetricsConfiguration.healthPath, MetricsConfiguration.readinessPath].contains(String(page)) else {
            return send(MetricsResponse(.notFound, "there is nothing here: see \(path)\n"), isHead: isHead, context)
        }
        guard head.method == .GET || isHead else {
            var response = MetricsResponse(.methodNotAllowed, "only GET and HEAD are allowed\n")
            response.headers.add(name: "Allow", value: "GET, HEAD")
            return send(response, isHead: false, context)
        }
        switch page {
        case MetricsConfiguration.healthPath: send(MetricsResponse(.ok, "ok\n"), isHead: isHead, context)
        case MetricsConfiguration.readinessPath:
            let obstacle = source.obstacle()
            let response = obstacle.map { MetricsResponse(.serviceUnavailable, "\($0)\n") }
            send(response ?? MetricsResponse(.ok, "ready\n"), isHead: isHead, context)
        default: scrape(head, isHead: isHead, context)
        }
    }

    private func scrape(_ head: HTTPRequestHead, isHead: Bool, _ context: ChannelHandlerContext) {
        let format = ContentNegotiation.format(accept: head.headers["accept"])
        let isCompressed = ContentNegotiation.wantsGzip(acceptEncoding: head.headers["accept-encoding"])
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (source, loop) = (source, context.eventLoop)
        scraping.submit { state in
            // A pool that has ended: the connection ends with it.
            guard case .active = state else { return }
            var exposition = Exposition(format)
            source.write(&exposition)
            let response = MetricsResponse(exposition.finish(), format, isCompressed: isCompressed)
            loop.execute {
                let (handler, context) = bound.value
                handler.send(response, isHead: isHead, context)
            }
        }
    }

    private func send(_ response: MetricsResponse, isHead: Bool, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead { context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil) }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// What is sent for one request.
struct MetricsResponse: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: ByteBuffer

    /// A line for people.
    init(_ status: HTTPResponseStatus, _ line: String) {
        self.init(status, "text/plain; charset=utf-8", ByteBuffer(string: line))
    }

    /// A scrape. Where there is no memory for compression, it goes out as it is.
    init(_ text: [UInt8], _ format: Exposition.Format, isCompressed: Bool) {
        guard isCompressed, let compressed = gzip(text) else {
            self.init(.ok, format.contentType, ByteBuffer(bytes: text))
            return
        }
        self.init(.ok, format.contentType, ByteBuffer(bytes: compressed))
        headers.add(name: "Content-Encoding", value: "gzip")
    }

    private init(_ status: HTTPResponseStatus, _ contentType: String, _ body: ByteBuffer) {
        self.status = status
        self.body = body
        headers = [
            "Content-Type": contentType, "Content-Length": "\(body.readableBytes)", "Connection": "close",
        ]
    }
}
