internal import HamsterCore

/// The addresses that one program would listen on: of two that are the same the second could not be bound, and the system
/// would blame another program.
struct ListenAddresses {
    private var taken: [(listener: Listener, key: String)] = []

    /// An address to listen on.
    struct Listener {
        var host: String
        /// 0: the system chooses one.
        var port: Int

        /// Whether one process can't listen on both. Names are compared as they are written.
        fileprivate func excludes(_ other: Listener) -> Bool {
            guard port == other.port, port > 0 else { return false }
            guard let mine = IPAddress(host), let others = IPAddress(other.host) else {
                return host.lowercased() == other.host.lowercased()
            }
            return mine == others || mine.includes(others) || others.includes(mine)
        }
    }

    /// Adds what a key says. Returns the first key before that leaves no room for it.
    mutating func add(_ listener: Listener, key: String) -> String? {
        defer { taken.append((listener, key)) }
        return taken.first { $0.listener.excludes(listener) }?.key
    }
}

extension IPAddress {
    /// Whether a socket on this address gets what is meant for the other: on all of IPv6 it gets IPv4, too (ipv6(7)).
    fileprivate func includes(_ other: IPAddress) -> Bool {
        bytes.allSatisfy { $0 == 0 } && (bytes.count == 16 || other.bytes.count == 4)
    }
}
