internal import Glibc
internal import Synchronization

/// The socket at which a program tells how it is: `status.socket` in its state directory, for its user and group.
package enum StatusSocket {
    package static let name = "status.socket"

    /// The socket's path for a state directory.
    package static func path(in directory: String) -> String { "\(directory)/\(name)" }

    /// The longest path that fits into a `sockaddr_un`, without its NUL.
    static let pathBytesMax = 107
    /// Connections that the kernel holds until they are accepted.
    static let backlog: CInt = 16
}

/// A listening socket with its name. The name goes with the owner, unless another socket has it by then.
final class BoundSocket: Sendable {
    let path: String
    private let identity: (device: UInt, inode: UInt)
    private let descriptor: Mutex<CInt?>

    /// Listens. Replaces the socket of a process that was killed: the caller makes sure, by a lock, that no living one
    /// has the directory. What is no socket is never removed.
    init(in directory: String) throws(StatusError) {
        path = StatusSocket.path(in: directory)
        let temporary = path + ".new"
        try Self.requireSocketOrNothing(temporary)
        try Self.requireSocketOrNothing(path)
        unlink(temporary)
        let number = try Self.listen(in: directory, name: StatusSocket.name + ".new", path: path)
        descriptor = Mutex(number)
        var status = stat()
        // With its mode from the first moment on which it can be found.
        guard chmod(temporary, 0o660) == 0, lstat(temporary, &status) == 0, rename(temporary, path) == 0 else {
            let error = Self.error(errno, path)
            close(number)
            unlink(temporary)
            throw error
        }
        identity = (UInt(status.st_dev), UInt(status.st_ino))
    }

    deinit {
        descriptor.withLock { number in
            if let number { close(number) }
        }
        release()
    }

    /// The descriptor, for an owner that closes it. Nil the second time.
    func take() -> CInt? {
        descriptor.withLock { number in
            defer { number = nil }
            return number
        }
    }

    /// Removes the name.
    func release() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt(status.st_dev) == identity.device, UInt(status.st_ino) == identity.inode
        else { return }
        unlink(path)
    }

    private static func requireSocketOrNothing(_ path: String) throws(StatusError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw error(errno, path)
        }
        guard status.st_mode & S_IFMT != S_IFSOCK else { return }
        let kind =
            switch status.st_mode & S_IFMT {
            case S_IFLNK: "a symbolic link"
            case S_IFDIR: "a directory"
            case S_IFREG: "a regular file"
            default: "something else"
            }
        throw StatusError(.occupied, path, kind)
    }

    private static func listen(in directory: String, name: String, path: String) throws(StatusError) -> CInt {
        let number = socket(AF_UNIX, streamType, 0)
        guard number >= 0 else { throw error(errno, path) }
        let code = withSocketAddress(directory, name) { address, size in
            bind(number, address, size) == 0 && Glibc.listen(number, StatusSocket.backlog) == 0 ? 0 : errno
        }
        guard code == 0 else {
            close(number)
            throw error(code, path)
        }
        return number
    }

    private static func error(_ code: CInt, _ path: String) -> StatusError {
        let isForbidden = code == EACCES || code == EPERM || code == EROFS
        return StatusError(isForbidden ? .forbidden : .system, path, reason(code))
    }
}

let streamType = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)

func reason(_ code: CInt) -> String { strerror(code).map { String(cString: $0) } ?? "errno \(code)" }

/// Calls `body` with the address of a socket in a directory; its result, or an errno. A path that is too long for an
/// address goes through the directory's descriptor.
func withSocketAddress(
    _ directory: String, _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
) -> CInt {
    let path = "\(directory)/\(name)"
    guard path.utf8.count > StatusSocket.pathBytesMax else { return withAddress(path, body) }
    let number = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { return errno }
    defer { close(number) }
    return withAddress("/proc/self/fd/\(number)/\(name)", body)
}

private func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    guard path.utf8.count <= StatusSocket.pathBytesMax, !path.utf8.contains(0) else { return ENAMETOOLONG }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
