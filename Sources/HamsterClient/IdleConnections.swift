internal import NIOCore
internal import Synchronization

/// The connections that wait for another file. Together with those that carry one there are never more than there may be, as
/// long as a new one is only made where ``take(of:)`` gives none.
final class IdleConnections: Sendable {
    private struct State {
        var epoch = 0
        var connections: [Int: [IdleConnection]] = [:]
    }

    private let state = Mutex(State())

    /// How often all were closed.
    var epoch: Int { state.withLock { $0.epoch } }

    /// Closes one that was made in an earlier epoch. `target` is an index, which holds for an epoch.
    func add(_ connection: IdleConnection, of target: Int, since epoch: Int) {
        let isCurrent = state.withLock { state in
            guard state.epoch == epoch else { return false }
            state.connections[target, default: []].removeAll { !$0.channel.isActive }
            state.connections[target, default: []].append(connection)
            return true
        }
        if !isCurrent { connection.close() }
    }

    /// One that is open, as far as is known: it may end at any time.
    func take(of target: Int) -> IdleConnection? {
        state.withLock { state in
            while let connection = state.connections[target]?.popLast() {
                if connection.channel.isActive { return connection }
            }
            return nil
        }
    }

    func closeAll() {
        let all = state.withLock { state in
            state.epoch += 1
            defer { state.connections = [:] }
            return state.connections.values.joined()
        }
        for connection in all { connection.close() }
    }
}
