private import Glibc
package import NIOCore

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    /// How long TCP tries to deliver bytes to a peer that confirms none: see ``ProtocolLimits/transmissionMax``.
    package static var transmissionTimeout: Self { .tcpOption(NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT)) }
}

extension ProtocolLimits {
    /// As the option wants it: milliseconds.
    package static var transmissionMilliseconds: ChannelOptions.Types.SocketOption.Value {
        .init(transmissionMax.components.seconds * 1_000)
    }
}
