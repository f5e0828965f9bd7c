internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterTLS
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Makes connections, each with a handler that answers once.
struct Dialer: Sendable {
    private static let readBytes = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 1_024, maximum: 16 * 1_024)

    let group: MultiThreadedEventLoopGroup

    /// A name may have several addresses, and each that is tried is a channel with a handler of its own: the answer is
    /// that of the one which has connected. Every handler completes its promise, whatever becomes of it.
    func connect<Answer: Sendable>(
        to endpoint: Connector.Endpoint, timeout: TimeAmount,
        _ makeHandler: @escaping @Sendable (EventLoopPromise<Answer>) -> any ChannelHandler
    ) async throws(ClientError) -> (any Channel, EventLoopFuture<Answer>) {
        let loop = group.any()
        let answers = Answers<Answer>()
        do {
            let bootstrap = bootstrap(loop, endpoint, timeout) { channel in makeHandler(answers.promise(of: channel)) }
            let channel = try await Self.connect(bootstrap, to: endpoint.target).get()
            return (channel, answers.promise(of: channel).futureResult)
        } catch {
            throw .unreachable(target: endpoint.target.description, reason: reasonOfNetworkError(error))
        }
    }

    /// An address needs no resolver, and no race between several addresses: that is a tenth of what a small file costs.
    private static func connect(
        _ bootstrap: ClientBootstrap, to target: ClientConfiguration.Target
    ) -> EventLoopFuture<any Channel> {
        guard let address = try? SocketAddress(ipAddress: target.host, port: target.port) else {
            return bootstrap.connect(host: target.host, port: target.port)
        }
        return bootstrap.connect(to: address)
    }

    private func bootstrap(
        _ loop: any EventLoop, _ endpoint: Connector.Endpoint, _ timeout: TimeAmount,
        _ makeHandler: @escaping @Sendable (any Channel) -> any ChannelHandler
    ) -> ClientBootstrap {
        ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: Self.readBytes)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.transmissionTimeout, value: ProtocolLimits.transmissionMilliseconds)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context = endpoint.context {
                        try pipeline.addHandler(
                            TLSHandler(
                                context: context, peerName: endpoint.target.description,
                                handshakeTimeout: timeout))
                    }
                    // Last: its promise is completed by nobody else.
                    try pipeline.addHandler(makeHandler(channel))
                }
            }
    }
}

/// The promises of the channels that one attempt to connect has made.
private final class Answers<Answer: Sendable>: Sendable {
    private let promises = Mutex<[ObjectIdentifier: EventLoopPromise<Answer>]>([:])

    func promise(of channel: any Channel) -> EventLoopPromise<Answer> {
        promises.withLock { promises in
            if let known = promises[ObjectIdentifier(channel)] { return known }
            let promise = channel.eventLoop.makePromise(of: Answer.self)
            promises[ObjectIdentifier(channel)] = promise
            return promise
        }
    }
}
