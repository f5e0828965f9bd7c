import HamsterCore
import HamsterStore
import HamsterTesting

/// One seed: both sides, the network and the disks under a schedule drawn from the seed, with the rules looked at as it
/// goes and at the end.
package final class Simulation {
    package let seed: UInt64
    private let world: World
    private let scenario: Scenario
    private let machine: ServerMachine
    private var senders: [any SimulatedSender] = []
    /// By which the schedule draws its next step.
    private var stepKinds: [Step] = []

    /// One move of the schedule.
    private enum Step: CaseIterable {
        case act, deliver, accept, relay, commit, disturb, time
        case rotate, tidy
        case killServer, cutPower, stopServer, startServer, breakConnection, diskFault
    }

    package init(seed: UInt64, isTraced: Bool = false) {
        self.seed = seed
        world = World(seed: seed, isTraced: isTraced)
        scenario = Scenario(&world.random, seed: seed)
        machine = ServerMachine(world, scenario)
        stepKinds = Self.weights(scenario).flatMap { Array(repeating: $0.key, count: $0.weight) }
        makeSenders()
    }

    /// What was noted, where the simulation is traced.
    package var trace: [String] { world.trace ?? [] }

    /// Runs the schedule, then lets everything come to rest. Throws the rule that was broken.
    package func run() throws(SimulationFailure) {
        world.note("\(scenario)")
        try machine.start()
        for _ in 0..<scenario.steps { try step() }
        try rest()
        try check(isFinal: true)
    }

    private static func weights(_ scenario: Scenario) -> [(key: Step, weight: Int)] {
        let troubles = scenario.troubles
        return [
            (.act, 30), (.deliver, 30), (.accept, 6), (.relay, 8), (.commit, 8), (.disturb, 14), (.time, 10),
            (.startServer, 4), (.killServer, troubles.contains(.serverKills) ? 2 : 0),
            (.cutPower, troubles.contains(.powerCuts) ? 2 : 0), (.stopServer, troubles.contains(.serverStops) ? 1 : 0),
            (.breakConnection, troubles.isDisjoint(with: [.connectionsBroken, .connectionsHalfOpen]) ? 0 : 3),
            (.rotate, scenario.rotation == nil ? 0 : 16), (.tidy, scenario.rotation == nil ? 0 : 10),
            (.diskFault, troubles.isDisjoint(with: [.disksFull, .syncsFailing, .tornWrites]) ? 0 : 2),
        ]
    }

    private func makeSenders() {
        let newline = UInt8(ascii: "\n")
        let realClients = world.random.pick([0, 1, 1])
        for index in 0..<realClients { senders.append(ClientMachine(world, scenario, host: "client\(index)")) }
        if realClients > 0, world.random.bool() { return }
        for index in 0..<world.random.int(1...2) {
            senders.append(
                MemorySender(
                    world, scenario, host: "web\(index)", path: "/var/log/app.log", service: "",
                    alphabet: [0, 7, 65, 66, newline, 0xFF]))
        }
        for index in 0..<world.random.int(0...3) {
            let letters = (0..<4).map { UInt8(ascii: "a") + UInt8(index * 4 + $0) }
            senders.append(
                MemorySender(
                    world, scenario, host: "db", path: "/log/\(index)", service: "merged", alphabet: letters + [newline]
                ))
        }
    }
}

extension Simulation {
    private func step() throws(SimulationFailure) {
        switch world.random.pick(stepKinds) {
        case .act: world.random.pick(senders).act()
        case .deliver: try deliver()
        case .accept: accept()
        case .relay: machine.server?.relay()
        case .commit: commit()
        case .rotate: rotate()
        case .tidy: tidy()
        case .disturb: try world.random.pick(senders).disturb()
        case .time: letTimePass()
        case .killServer: killServer()
        case .cutPower: cutPower()
        case .stopServer: try stopServer()
        case .startServer: if !machine.isRunning { try startServer() }
        case .breakConnection: breakConnection()
        case .diskFault: spoilDisk()
        }
        machine.bury()
    }

    private func accept() {
        guard let server = machine.server else { return world.network.refuseWaiting() }
        if let connection = world.network.accept() { server.accept(connection) }
    }

    /// One piece of one direction of one connection.
    private func deliver() throws(SimulationFailure) {
        let all = world.network.connections.flatMap { [($0, SimulatedConnection.Side.client), ($0, .server)] }
        let ready = all.filter { $0.hasNews(for: $1) && ($1 == .client || machine.server.has($0)) }
        guard !ready.isEmpty else { return }
        let (connection, side) = world.random.pick(ready)
        let bytesMax = world.random.pick([1, 20, 300, 4096])
        try deliver(connection, to: side, bytesMax: bytesMax)
    }

    private func deliver(
        _ connection: SimulatedConnection, to side: SimulatedConnection.Side, bytesMax: Int
    ) throws(SimulationFailure) {
        guard let event = connection.deliver(to: side, bytesMax: bytesMax) else { return }
        switch side {
        case .client:
            for sender in senders { try sender.receive(event, on: connection.id) }
        case .server: machine.server?.receive(event, on: connection)
        }
        world.network.forgetOver()
    }

    private func commit() {
        guard let server = machine.server else { return }
        world.note("commit")
        server.commit { [world] in
            guard world.random.bool() else { return }
            for connection in world.network.connections where server.takesBytes(of: connection) {
                guard world.random.bool(), let event = connection.deliver(to: .server, bytesMax: 300) else { continue }
                server.receive(event, on: connection)
            }
        }
        if world.random.bool() { server.relay() }
    }

    private func rotate() {
        world.note("outputs are rotated")
        machine.server?.store.rotateDueOutputs()
        if world.random.bool() { commit() }
    }

    /// While a file is compressed it may get another name.
    private func tidy() {
        guard let server = machine.server else { return }
        world.note("rotated outputs are compressed")
        server.tidy { [world] in
            guard world.random.bool() else { return }
            server.store.rotateDueOutputs()
            server.commit {}
        }
    }

    private func letTimePass() {
        let milliseconds = world.random.pick([1, 30, 400, 20_000])
        for sender in senders { sender.willWait(Int64(milliseconds) * 1_000_000) }
        world.clock.advance(.milliseconds(milliseconds))
        machine.server?.tick()
    }

    private func breakConnection() {
        guard !world.network.connections.isEmpty else { return }
        let connection = world.random.pick(world.network.connections)
        var sides: Set<SimulatedConnection.Side> = [.client, .server]
        if scenario.troubles.contains(.connectionsHalfOpen), world.random.bool() {
            sides = world.random.pick([[], [.client], [.server]])
        }
        world.note("connection \(connection.id) breaks, heard by \(sides.map { "\($0)" }.sorted())")
        connection.cut(noticing: sides, &world.random)
    }
}

extension Simulation {
    private func startServer() throws(SimulationFailure) {
        try machine.start()
        try check(isFinal: false)
    }

    private func killServer() {
        if world.random.bool() { return machine.kill() }
        machine.fileSystem.faults.stepsUntilKill = world.random.int(1...12)
    }

    private func cutPower() {
        machine.losesPower = true
        killServer()
    }

    private func stopServer() throws(SimulationFailure) {
        machine.stop()
        try check(isFinal: false)
    }

    private func spoilDisk() {
        let isTorn = scenario.troubles.contains(.tornWrites)
        switch world.random.int(0...2) {
        case 0 where scenario.troubles.contains(.disksFull):
            machine.fileSystem.faults.bytesUntilFull = world.random.int(0...400)
            machine.fileSystem.faults.tearsWrites = isTorn && world.random.bool()
        case 1 where scenario.troubles.contains(.syncsFailing):
            machine.fileSystem.faults.syncsUntilFailure = world.random.int(1...4)
        default:
            machine.fileSystem.faults.bytesUntilFull = nil
            machine.fileSystem.faults.tearsWrites = false
        }
        world.note("the server's disk: \(machine.fileSystem.faults)")
    }

    /// Nothing goes wrong any more: everything has to arrive, in bounded time.
    private func rest() throws(SimulationFailure) {
        world.note("no more trouble")
        world.stopTracing()
        for sender in senders { sender.finishWriting() }
        var roundsAtRest = 0
        let roundsMax = 1_500
        for round in 0..<roundsMax {
            machine.fileSystem.faults = DiskFaults()
            machine.losesPower = false
            if !machine.isRunning { try startServer() }
            for sender in senders { sender.actFully() }
            accept()
            for connection in world.network.connections {
                for side in [SimulatedConnection.Side.client, .server]
                where side == .client || machine.server.has(connection) {
                    try deliver(connection, to: side, bytesMax: 4096)
                }
            }
            if round.isMultiple(of: 8) {
                machine.server?.store.rotateDueOutputs()
                machine.server?.store.tidyRotatedFiles()
            }
            machine.server?.commit {}
            machine.server?.relay()
            machine.bury()
            world.clock.advance(.milliseconds(roundsAtRest > 0 ? 3_000 : round % 50 == 49 ? 20_000 : 20))
            machine.server?.tick()
            if round.isMultiple(of: 4) || roundsAtRest > 0 { roundsAtRest = isAtRest ? roundsAtRest + 1 : 0 }
            // Nothing may come after the end either: for more than a minute, in which everything is looked at again.
            if roundsAtRest > 25 { return }
        }
        try check(isFinal: true)
        throw SimulationFailure("did not come to rest: \(senders.map(\.summary))")
    }

    private var isAtRest: Bool {
        machine.server?.store.needsCommit == false && senders.allSatisfy { $0.isAtRest(machine.disk) }
    }

    private func check(isFinal: Bool) throws(SimulationFailure) {
        for sender in senders { try sender.check(machine.disk, isFinal: isFinal) }
    }
}

extension SimulatedServer? {
    /// Whether the process has this connection.
    fileprivate func has(_ connection: SimulatedConnection) -> Bool {
        self?.connections.contains { $0.connection === connection } ?? false
    }
}

extension SimulatedServer {
    /// Whether a stream can go on beside a commit. One whose file the commit closes waits for it on another thread.
    func takesBytes(of connection: SimulatedConnection) -> Bool {
        connections.contains { $0.connection === connection && $0.takesBytes }
    }

    func receive(_ event: SimulatedConnection.Event, on connection: SimulatedConnection) {
        guard let held = connections.first(where: { $0.connection === connection }) else { return }
        receive(event, on: held)
    }
}
