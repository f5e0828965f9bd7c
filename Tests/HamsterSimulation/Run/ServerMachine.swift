import HamsterCore
import HamsterFiles
import HamsterStore
import HamsterTesting

/// The server's machine: its disk, and the process as often as it is started.
final class ServerMachine {
    private let world: World
    private let scenario: Scenario
    let disk: SimulatedDisk
    private(set) var fileSystem: SimulatedFileSystem
    private(set) var server: SimulatedServer?
    /// Power goes with the process.
    var losesPower = false

    init(_ world: World, _ scenario: Scenario) {
        self.world = world
        self.scenario = scenario
        disk = world.disk()
        fileSystem = SimulatedFileSystem(disk)
    }

    var isRunning: Bool { server != nil }

    /// Starts the process; a start that the disk doesn't allow is a failure of the system only when nothing is wrong.
    func start() throws(SimulationFailure) {
        fileSystem = SimulatedFileSystem(disk)
        do {
            server = try SimulatedServer(fileSystem, scenario, world.clock)
            server?.onAcknowledgement = { [world] connection, offset, output, bytes in
                world.floors[.init(connection: connection, offset: offset)] = (output, bytes)
            }
            world.note("server started: \(server.map { "\($0.store.recovery)" } ?? "")")
        } catch {
            fileSystem.kill()
            throw SimulationFailure("the server did not start: \(error)")
        }
    }

    /// `kill -9`, or the switch: connections break, and not every client hears of it.
    func kill() {
        guard let server else { return }
        world.note(losesPower ? "server's machine lost power" : "server killed")
        fileSystem.kill()
        for connection in server.connections {
            let isHeard = !losesPower || world.random.bool()
            connection.connection.cut(noticing: isHeard ? [.client] : [], &world.random)
        }
        world.network.refuseWaiting()
        self.server = nil
        if losesPower { disk.cutPower() }
        losesPower = false
    }

    /// SIGTERM.
    func stop() {
        guard let server else { return }
        world.note("server stopped")
        server.stop()
        guard fileSystem.isAlive else { return kill() }
        world.network.refuseWaiting()
        fileSystem.kill()
        self.server = nil
    }

    /// After each step: a process that has died in it is cleared away.
    func bury() { if server != nil, !fileSystem.isAlive { kill() } }
}
