internal import NIOCore
internal import Synchronization

/// The connections that wait for another file. Together with those that carry one there are never more than there may be, as
/// long as a new one is only made where ``take(for:)`` gives none.
final class IdleConnections: Sendable {
    /// A target, as the configuration of that time had it.
    struct Key: Sendable, Hashable {
        var target: Int
        var generation: Int
    }

    private let connections = Mutex<[Key: [IdleConnection]]>([:])

    func add(_ connection: IdleConnection, for key: Key) {
        connections.withLock { connections in
            connections[key, default: []].removeAll { !$0.channel.isActive }
            connections[key, default: []].append(connection)
        }
    }

    /// One that is open, as far as is known: it may end at any time.
    func take(for key: Key) -> IdleConnection? {
        connections.withLock { connections in
            while let connection = connections[key]?.popLast() {
                if connection.channel.isActive { return connection }
            }
            return nil
        }
    }

    func closeAll() {
        let all = connections.withLock { connections in
            defer { connections = [:] }
            return connections.values.joined()
        }
        for connection in all { connection.close() }
    }
}
