/// Why a program's status can't be offered, or asked for.
package struct StatusError: Error, Sendable, Hashable {
    package enum Code: Sendable, Hashable {
        /// No program answers at the socket.
        case notRunning
        /// This user may not ask, or may not make the socket.
        case forbidden
        /// The program did not answer in time.
        case timedOut
        /// What stands in the socket's place is no socket, and is left alone.
        case occupied
        /// The answer is no document of this version.
        case unreadable
        /// Anything else that the system said.
        case system
    }

    package var code: Code
    /// The socket's path.
    package var path: String
    private var reason: String

    init(_ code: Code, _ path: String, _ reason: String = "") {
        self.code = code
        self.path = path
        self.reason = reason
    }
}

extension StatusError: CustomStringConvertible {
    /// What was tried, on what, what was wrong and, where known, what to do.
    package var description: String {
        switch code {
        case .notRunning: "\(path): nobody answers: is the program running, and with this state directory?"
        case .forbidden: "\(path): \(reason): run this as the program's user, or as a member of its group"
        case .timedOut: "\(path): the program did not answer in time"
        case .occupied: "\(path): is \(reason), not a socket: move it away"
        case .unreadable: "\(path): the answer can't be understood: is the program of another version?"
        case .system: "\(path): \(reason)"
        }
    }
}
