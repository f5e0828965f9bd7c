internal import Glibc

/// Sockets that systemd opened for this process (sd_listen_fds(3)): it may then restart without refusing a connection, and
/// needs no right to a low port.
package struct SocketActivation: Sendable, Hashable {
    /// One socket that listens.
    package struct Socket: Sendable, Hashable {
        package var descriptor: Int32
        /// `FileDescriptorName=` of the socket unit; empty where there is none.
        package var name: String
    }

    /// The first descriptor that is handed over (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3

    package let sockets: [Socket]

    /// What the environment of this process says, for a process of this number. Throws what to tell the operator where a
    /// descriptor is no listening socket of TCP. Call it once, and early: no program that is started from here gets the
    /// sockets.
    package init(_ environment: [String: String], processID: Int32 = getpid()) throws(ProgramFailure) {
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == processID,
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0, count < 1_024
        else {
            sockets = []
            return
        }
        for variable in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(variable) }
        let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        sockets = (0..<count).map { number in
            Socket(
                descriptor: Self.first + number,
                name: Int(number) < names.count ? String(names[Int(number)]) : "")
        }
        for socket in sockets {
            guard Self.listens(socket.descriptor), fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
                throw ProgramFailure(
                    .configuration,
                    [
                        "socket activation: descriptor \(socket.descriptor) is not a TCP socket that listens: "
                            + "use ListenStream=ADDRESS:PORT and Accept=no in the socket unit"
                    ])
            }
        }
    }

    private static func listens(_ descriptor: Int32) -> Bool {
        option(descriptor, SO_ACCEPTCONN) == 1 && option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue)
            && [AF_INET, AF_INET6].contains(option(descriptor, SO_DOMAIN))
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
