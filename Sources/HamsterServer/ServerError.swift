internal import Glibc
internal import HamsterNetwork
internal import NIOCore

/// Why a server cannot start.
package struct ServerError: Error, Sendable, CustomStringConvertible {
    /// The address could not be bound.
    package let address: ServerConfiguration.Listener
    /// errno of bind(2) or listen(2); nil where the name could not be looked up.
    package let code: Int32?
    private let reason: String

    init(cannotListenOn address: ServerConfiguration.Listener, _ error: any Error) {
        self.address = address
        code = (error as? IOError)?.errnoCode
        reason = reasonOfNetworkError(error)
    }

    /// The process may not use this port.
    package var isForbidden: Bool { code == EACCES || code == EPERM }

    package var description: String {
        let advice =
            switch code {
            case EADDRINUSE: "stop the program that uses it or change 'listen'"
            case EADDRNOTAVAIL: "'listen' must name an address of this machine"
            case EACCES, EPERM: "ports below 1024 need CAP_NET_BIND_SERVICE"
            default: "check 'listen'"
            }
        return "cannot listen on \(address): \(reason): \(advice)"
    }
}
