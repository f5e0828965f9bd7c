/// The connections between the two machines, oldest first.
final class SimulatedNetwork {
    private(set) var connections: [SimulatedConnection] = []
    private var idNext = 0
    /// Connections that the server has not accepted yet.
    private var waiting: [SimulatedConnection] = []

    init() {}

    func connect() -> SimulatedConnection {
        let connection = SimulatedConnection(id: idNext)
        idNext += 1
        connections.append(connection)
        waiting.append(connection)
        return connection
    }

    /// The next connection that wants to be accepted.
    func accept() -> SimulatedConnection? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// The server's machine refuses what nobody accepts.
    func refuseWaiting() {
        for connection in waiting { connection.abandon(from: .server) }
        waiting = []
    }

    func forgetOver() { connections.removeAll { $0.isOver } }
}
