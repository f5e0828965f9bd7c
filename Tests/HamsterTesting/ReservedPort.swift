import Foundation

/// A port on loopback that the kernel gives to nobody else as long as this exists, also while no server listens on it: not
/// to other tests, and not to a connection as its own end. Servers may listen on it as often as they like.
package final class ReservedPort {
    package let number: Int
    private let descriptor: CInt

    package init() throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestingError("socket: \(String(cString: strerror(errno)))") }
        self.descriptor = descriptor
        // With this option on both sides, who listens takes no notice of who has only bound.
        var option: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &option, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        number = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else { throw TestingError("bind: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }
}
