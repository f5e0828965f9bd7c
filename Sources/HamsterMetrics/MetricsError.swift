internal import Glibc
internal import HamsterNetwork
internal import NIOCore

/// Why no scraper can be answered: the address could not be bound.
package struct MetricsError: Error, Sendable, CustomStringConvertible {
    /// As the configuration has it.
    package let address: String
    /// errno of bind(2) or listen(2); nil where the name could not be looked up.
    package let code: Int32?
    private let reason: String

    init(cannotListenOn address: String, _ error: any Error) {
        self.address = address
        code = (error as? IOError)?.errnoCode
        reason = reasonOfNetworkError(error)
    }

    /// The process may not use this port.
    package var isForbidden: Bool { code == EACCES || code == EPERM }

    package var description: String {
        let advice =
            code == EADDRINUSE
            ? "stop the program that uses it or change 'listen' of [prometheus]" : "check 'listen' of [prometheus]"
        return "cannot listen on \(address) for metrics: \(reason): \(advice)"
    }
}
