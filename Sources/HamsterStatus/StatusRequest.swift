internal import Glibc

/// Asks a running program how it is.
package enum StatusRequest {
    /// What an answer may take in memory.
    package static let bytesMax = 256 << 20

    /// The document of the program that has this state directory. Blocks, at most for `timeout`.
    package static func fetch(in directory: String, timeout: Duration) throws(StatusError) -> JSON {
        let path = StatusSocket.path(in: directory)
        guard let document = JSON(parsing: try bytes(in: directory, timeout: timeout)) else {
            throw StatusError(.unreadable, path)
        }
        return document
    }

    /// The document's bytes, as the program sent them.
    package static func bytes(in directory: String, timeout: Duration) throws(StatusError) -> [UInt8] {
        let path = StatusSocket.path(in: directory)
        let deadline = ContinuousClock.now + timeout
        let number = socket(AF_UNIX, streamType, 0)
        guard number >= 0 else { throw error(errno, path) }
        defer { close(number) }
        setTimeout(SO_SNDTIMEO, timeout, of: number)
        let code = withSocketAddress(directory, StatusSocket.name) { address, size in
            connect(number, address, size) == 0 ? 0 : errno
        }
        if code != 0 { throw error(code, path) }
        return try receive(number, until: deadline, path)
    }

    private static func receive(
        _ number: CInt, until deadline: ContinuousClock.Instant, _ path: String
    ) throws(StatusError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw StatusError(.timedOut, path) }
            setTimeout(SO_RCVTIMEO, left, of: number)
            let count = recv(number, &buffer, buffer.count, 0)
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw error(errno, path) }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else { throw StatusError(.unreadable, path) }
        }
        // It had more askers than it answers.
        guard !bytes.isEmpty else { throw StatusError(.system, path, "the program is busy with others who ask") }
        return bytes
    }

    private static func setTimeout(_ option: CInt, _ duration: Duration, of number: CInt) {
        let (seconds, attoseconds) = duration.components
        // Zero would mean for ever.
        var value = timeval(tv_sec: Int(seconds), tv_usec: max(1, Int(attoseconds / 1_000_000_000_000)))
        setsockopt(number, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<timeval>.size))
    }

    private static func error(_ code: CInt, _ path: String) -> StatusError {
        switch code {
        case ENOENT, ENOTDIR, ECONNREFUSED: StatusError(.notRunning, path)
        case EACCES, EPERM: StatusError(.forbidden, path, reason(code))
        case EAGAIN: StatusError(.timedOut, path)
        default: StatusError(.system, path, reason(code))
        }
    }
}
