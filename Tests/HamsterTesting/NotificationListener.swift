import Foundation

/// The side of a service manager: a datagram socket at which services say how they are (sd_notify(3)).
package final class NotificationListener {
    /// What a service finds in `NOTIFY_SOCKET`.
    package let address: String
    private let descriptor: CInt

    /// At a path, or at an abstract address (`@…`).
    package init(_ address: String) throws {
        self.address = address
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestingError("socket: \(String(cString: strerror(errno)))") }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { bytes in
            bytes.copyBytes(from: address.utf8)
            if address.hasPrefix("@") { bytes[0] = 0 }
        }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
        let code = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard code == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw TestingError("bind \(address): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// The oldest datagram that waits, as its lines; nil: none does.
    package func poll() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Waits for a datagram with this line, past others, of which `unwanted` must be none.
    @discardableResult
    package func message(
        _ line: String, before unwanted: String? = nil, timeout: Duration = patience
    ) async throws -> [String] {
        while true {
            let message = try await awaited(line, timeout: timeout) { poll() }
            if message.contains(line) { return message }
            if let unwanted, message.contains(unwanted) {
                throw TestingError("expected \(line), and \(unwanted) came first")
            }
        }
    }

    /// Drops what waits.
    package func drain() { while poll() != nil {} }

    /// All lines that come in this time.
    package func lines(within duration: Duration) async throws -> [String] {
        var lines: [String] = []
        let end = ContinuousClock.now + duration
        return try await awaited("the end of \(duration)", timeout: duration + patience) {
            lines += poll() ?? []
            return ContinuousClock.now < end ? nil : lines
        }
    }

    /// Waits until nothing comes for this time.
    package func silence(of duration: Duration) async throws {
        try await awaited("silence") { try await lines(within: duration).isEmpty ? () : nil }
    }
}
