internal import Synchronization

/// Whether the server accepts streams, and if not, why. Any thread may ask.
final class ServerReadiness: Sendable {
    private let state = Mutex<String?>("the server is starting")

    /// In one line; nil: it does.
    var obstacle: String? { state.withLock { $0 } }

    func set(_ obstacle: String?) { state.withLock { $0 = obstacle } }
}
