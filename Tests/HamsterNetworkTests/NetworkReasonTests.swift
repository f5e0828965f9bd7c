import HamsterNetwork
import HamsterTesting
import NIOCore
import NIOPosix
import Testing

/// What NIO reports, in our words.
struct NetworkReasonTests {
    @Test func `a refused connection and a name that is not found`() async throws {
        let port = try ReservedPort()
        let refused = await error { try await connect("127.0.0.1", port.number) }
        let unknown = await error { try await connect("no-such-host.invalid", port.number) }

        #expect(refused.map(reasonOfNetworkError) == "connection refused")
        #expect(unknown.map(reasonOfNetworkError)?.hasPrefix("host name not found: ") == true, "\(unknown as Any)")
    }

    @Test func `a name that can't be listened on`() async throws {
        let unknown = await error {
            try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .bind(host: "no-such-host.invalid", port: 0).get()
        }
        let reason = try #require(unknown.map(reasonOfNetworkError))

        #expect(reason.hasPrefix("host name not found: ") && !reason.contains("Error"), "\(reason)")
    }

    @Test(arguments: [
        (ChannelError.connectTimeout(.seconds(10)) as any Error, "no answer within 10000 ms"),
        (ChannelError.ioOnClosedChannel, "the connection was closed"),
        (IOError(errnoCode: 104, reason: "read(descriptor:pointer:size:)"), "connection reset by peer"),
        (IOError(errnoCode: EMFILE, reason: "socket(domain:)"), "too many open files (raise the limit of open files)"),
        (SocketAddressError.failedToParseIPString("1.2"), "'1.2' is no IPv4 or IPv6 address"),
    ])
    func `no type or call of NIO is named`(error: any Error, reason: String) {
        #expect(reasonOfNetworkError(error) == reason)
    }

    private func connect(_ host: String, _ port: Int) async throws -> any Channel {
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: host, port: port).get()
    }

    private func error(_ body: () async throws -> any Channel) async -> (any Error)? {
        do {
            try await body().close().get()
            return nil
        } catch {
            return error
        }
    }
}
