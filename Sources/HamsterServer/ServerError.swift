/// Why a server cannot start.
package enum ServerError: Error, Sendable, CustomStringConvertible {
    case cannotListen(ServerConfiguration.Listener, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason):
            "cannot listen on \(address): \(reason): free the address or change 'listen'"
        }
    }
}
