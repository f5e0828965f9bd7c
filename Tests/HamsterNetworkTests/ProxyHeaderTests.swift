import HamsterCore
import HamsterNetwork
import NIOCore
import NIOEmbedded
import Testing

/// As HAProxy's specification of the PROXY protocol (2.2) has it.
private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10] + Array("QUIT\n".utf8)

private func header(_ command: UInt8, _ family: UInt8, _ addresses: [UInt8]) -> [UInt8] {
    signature + [command, family, UInt8(addresses.count >> 8), UInt8(addresses.count & 0xFF)] + addresses
}

private let fromIPv4 = header(0x21, 0x11, [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x1B, 0x5F])

struct ProxyHeaderTests {
    private func take(_ bytes: [UInt8]) throws -> (ProxyHeader?, rest: Int) {
        var buffer = ByteBuffer(bytes: bytes)
        return (try ProxyHeader.take(from: &buffer), buffer.readableBytes)
    }

    @Test func `the client's address is taken, and extensions are skipped`() throws {
        let v4 = try take(fromIPv4 + [1, 2, 3])
        #expect(v4.0 == .relayed(from: IPAddress("192.0.2.7")) && v4.rest == 3)
        let address: [UInt8] = [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        let v6 = try take(header(0x21, 0x21, address + address + [0, 1, 0, 2] + [4, 0, 1, 9]))
        #expect(v6.0 == .relayed(from: IPAddress("2001:db8::1")) && v6.rest == 0)
    }

    @Test func `a health check and an unknown family have no client`() throws {
        #expect(try take(header(0x20, 0, [])).0 == .own)
        #expect(try take(header(0x20, 0x11, [UInt8](repeating: 1, count: 12))).0 == .own)
        #expect(try take(header(0x21, 0, [1, 2, 3])).0 == .relayed(from: nil))
        #expect(try take(header(0x21, 0x31, [UInt8](repeating: 1, count: 216))).0 == .relayed(from: nil))
    }

    @Test func `a part of a header is waited for, and nothing of it is taken`() throws {
        for count in 0..<fromIPv4.count {
            let (header, rest) = try take(Array(fromIPv4.prefix(count)))
            #expect(header == nil && rest == count)
        }
    }

    @Test(arguments: [
        (Array("INIT STREAM".utf8), ProxyHeader.Failure.noHeader), ([13, 10, 13, 11], .noHeader),
        (Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".utf8), .noHeader),
        (header(0x11, 0x11, [UInt8](repeating: 1, count: 12)), .unknownVersion),
        (header(0x22, 0x11, [UInt8](repeating: 1, count: 12)), .malformed),
        (header(0x21, 0x11, [1, 2, 3]), .malformed), (header(0x21, 0x41, [UInt8](repeating: 1, count: 40)), .malformed),
        (signature + [0x21, 0x11, 0xFF, 0xFF], .tooLong),
    ])
    func `anything else is a failure`(bytes: [UInt8], failure: ProxyHeader.Failure) {
        #expect(throws: failure) { try take(bytes) }
    }

    @Test func `flipped bits are a failure or another header, and never a trap`() {
        for bit in 0..<(fromIPv4.count * 8) {
            var bytes = fromIPv4
            bytes[bit / 8] ^= 1 << (bit % 8)
            _ = try? take(bytes)
        }
    }
}

struct ProxyHeaderHandlerTests {
    private final class Heard {
        var headers: [ProxyHeader] = []
        var failures: [String] = []
    }

    private func channel(_ heard: Heard) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let handler = ProxyHeaderHandler(timeout: .seconds(10)) {
            heard.headers.append($0)
        } onFailure: {
            heard.failures.append($0)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func `the header is taken away, byte by byte, and what follows goes on`() throws {
        let heard = Heard()
        let channel = try channel(heard)
        for byte in fromIPv4 { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
        #expect(heard.headers == [.relayed(from: IPAddress("192.0.2.7"))])
        try channel.writeInbound(ByteBuffer(string: "hello"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "hello"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(channel.isActive && heard.failures.isEmpty)
    }

    @Test func `who says no header is closed, and who says nothing too`() throws {
        let heard = Heard()
        let stranger = try channel(heard)
        try stranger.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(!stranger.isActive)
        let silent = try channel(heard)
        silent.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!silent.isActive)
        let ended = try channel(heard)
        ended.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!ended.isActive)
        #expect(heard.failures.count == 3 && heard.headers.isEmpty)
        #expect(heard.failures.first == "it does not begin with a PROXY header")
    }
}
