internal import Glibc

/// Where a service manager hears from its services (sd_notify(3)): datagrams to a Unix socket.
///
/// The protocol is a promise of systemd's and made for this; libsystemd would be one more library that the programs need.
package struct NotificationSocket: Sendable, Hashable {
    /// How long the manager may take until there is room for one more datagram.
    private static let sendTimeout = timeval(tv_sec: 5, tv_usec: 0)

    private let path: String

    /// A path, or a name that begins with `@` (abstract). Nil for what no `sockaddr_un` takes.
    package init?(_ path: String) {
        var address = sockaddr_un()
        let bytesMax = withUnsafeBytes(of: &address.sun_path) { $0.count }
        guard path.hasPrefix("/") || path.hasPrefix("@"), (2...bytesMax).contains(path.utf8.count),
            !path.utf8.contains(0)
        else { return nil }
        self.path = path
    }

    /// Sends assignments, one a line, as one datagram. Returns 0 or an errno. Blocks while the manager is behind, for some
    /// seconds at most.
    package func send(_ assignments: String) -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var timeout = Self.sendTimeout
        guard setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size)) == 0
        else { return errno }
        let bytes = Array(assignments.utf8)
        return withAddress { address, size in
            sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), address, size) == bytes.count ? 0 : errno
        }
    }

    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: path.utf8)
            // An abstract name begins with a NUL; its length is the address's, so there is none at its end.
            if path.hasPrefix("@") { bytes[0] = 0 }
        }
        let size = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.utf8.count } ?? 0
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}
