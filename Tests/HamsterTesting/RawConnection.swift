import Foundation

/// A TCP connection to loopback that is spoken to byte by byte, as nc would. Never blocks: what is awaited is polled for.
package final class RawConnection {
    private let descriptor: CInt
    private var received: [UInt8] = []
    /// How the peer ended the connection; nil while it is open.
    package private(set) var ending: Ending?
    /// What the server called the connection, once it has greeted.
    package private(set) var streamID = ""

    package enum Ending: Sendable, Hashable {
        /// The peer has shut its side in good order.
        case finished
        case reset
    }

    /// `receiveBytes`: what the kernel may hold of what comes until it is read; nil: what it usually does.
    package init(port: Int, receiveBytes: Int? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestingError("socket: \(Self.reason)") }
        if var size = receiveBytes.map(CInt.init) {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw TestingError("connect to \(port): \(Self.reason)")
        }
    }

    // Runs after an initializer that threw as well: all properties are set by then.
    deinit { close(descriptor) }

    /// Connects and reads the two lines that a server greets with.
    package static func greeted(port: Int) async throws -> RawConnection {
        let connection = try RawConnection(port: port)
        var line = ""
        for start in ["### ", "STREAMID "] {
            line = try await connection.line()
            guard line.hasPrefix(start) else { throw TestingError("expected '\(start)…', got '\(line)'") }
        }
        connection.streamID = String(line.dropFirst("STREAMID ".count))
        return connection
    }

    // MARK: Sending

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Returns once the kernel has all of it. Throws where the peer has reset the connection.
    package func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        try await eventually("the peer to take \(bytes.count) bytes") {
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, sendFlags) }
                if count < 0, errno == EAGAIN { return false }
                guard count > 0 else { throw TestingError("send: \(Self.reason)") }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// Sends a line and returns the next that comes.
    package func ask(_ line: String) async throws -> String {
        try await send("\(line)\n")
        return try await self.line()
    }

    /// Sends `INIT STREAM` with these words, and throws unless the reply is 200. Returns the reply.
    @discardableResult
    package func open(_ words: String) async throws -> String {
        let reply = try await ask("INIT STREAM \(words)")
        guard reply.hasPrefix("200 OK Ready to accept data") else { throw TestingError("expected 200, got '\(reply)'") }
        return reply
    }

    /// Shuts the sending side: the end of the data.
    package func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends the connection with a reset, as a crashed host would.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        // Connecting to nobody dissolves the connection; with this linger option that is a reset.
        var nobody = sockaddr()
        nobody.sa_family = sa_family_t(AF_UNSPEC)
        connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    // MARK: Receiving

    /// The next line without its LF. Throws where the connection ends first.
    package func line(timeout: Duration = patience) async throws -> String {
        var line: String?
        try await eventually("a line; there is '\(String(decoding: received, as: UTF8.self))'", timeout: timeout) {
            receive()
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                line = String(decoding: received[..<end], as: UTF8.self)
                received.removeSubrange(...end)
            } else if let ending {
                throw TestingError("\(ending) in place of a line; '\(String(decoding: received, as: UTF8.self))' came")
            }
            return line != nil
        }
        return line ?? ""
    }

    /// Reads lines until `ACK offset` comes. Throws where a lower one comes after a higher, or anything else.
    package func waitForAcknowledgement(of offset: Int) async throws {
        var last = -1
        while last < offset {
            let line = try await line()
            guard line.hasPrefix("ACK "), let value = Int(line.dropFirst(4)), value >= last, value <= offset else {
                throw TestingError("expected an ACK of at most \(offset) and at least \(last), got '\(line)'")
            }
            last = value
        }
    }

    /// Waits until so many bytes have come in all that nobody has asked for.
    package func waitForBytes(_ count: Int) async throws {
        try await eventually("\(count) bytes; \(received.count) came") {
            receive()
            guard ending == nil || received.count >= count else { throw TestingError("the peer closed the connection") }
            return received.count >= count
        }
    }

    /// Reads until the peer ends the connection. Returns the lines that came.
    package func linesUntilEnd(timeout: Duration = patience) async throws -> [String] {
        try await eventually("the peer to close", timeout: timeout) {
            receive()
            return ending != nil
        }
        return String(decoding: received, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Reads until the peer ends the connection in good order. Returns what came and nobody has asked for.
    package func bytesUntilEnd(timeout: Duration = patience) async throws -> [UInt8] {
        try await eventually("the peer to close", timeout: timeout) { hasEnded }
        guard ending == .finished else { throw TestingError("the peer has reset the connection") }
        return takeReceived()
    }

    /// Whether the peer has ended the connection by now.
    package var hasEnded: Bool {
        receive()
        return ending != nil
    }

    /// Takes what the peer has sent by now, which may be nothing.
    func takeReceived() -> [UInt8] {
        receive()
        defer { received.removeAll() }
        return received
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while ending == nil {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 {
                ending = .finished
            } else {
                if errno != EAGAIN { ending = .reset }
                return
            }
        }
    }

    private let sendFlags = CInt(MSG_NOSIGNAL)

    private static var reason: String { String(cString: strerror(errno)) }
}
