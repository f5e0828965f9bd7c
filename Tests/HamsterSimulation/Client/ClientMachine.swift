import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting

/// The machine whose logs are shipped: its disk, the programs that write, and the client as often as it is started.
final class ClientMachine: SimulatedSender {
    static let stateDirectory = "/var/lib/client"
    static let logDirectory = SourcePath("/var/log")

    private let world: World
    private let scenario: Scenario
    let host: String
    let disk: SimulatedDisk
    private let configuration: SimulatedClient.Configuration
    private var fileSystem: SimulatedFileSystem
    private var client: SimulatedClient?
    private var writers: [LogWriter] = []
    /// What of the outputs was acknowledged, and so has to stay.
    private var floors: [SourcePath: [UInt8]] = [:]

    init(_ world: World, _ scenario: Scenario, host: String) {
        self.world = world
        self.scenario = scenario
        self.host = host
        disk = world.disk()
        disk.showsWriters = world.happens(70)
        fileSystem = SimulatedFileSystem(disk)
        configuration = SimulatedClient.Configuration(&world.random, host: host)
        makeDirectories()
        for index in 0..<world.random.int(1...2) {
            let name = index == 0 ? "app.log" : "db.log"
            writers.append(LogWriter(world, self, path: Self.logDirectory.below(Array(name.utf8))))
        }
    }

    var rotates: Bool { scenario.troubles.contains(.rotations) }
    /// How far each file is acknowledged, as the state on disk says.
    private(set) var positions: [(inode: UInt64, position: SourcePosition)] = []
    var isClientAlive: Bool { client != nil }
    var summary: String { "\(host): \(writers.map(\.summary)), client: \(client?.summary ?? "down")" }

    private func makeDirectories() {
        do throws(FileError) {
            try fileSystem.makeDirectory(Self.logDirectory.description, mode: 0o755)
        } catch {
            preconditionFailure("an empty disk takes directories: \(error)")
        }
    }
}

// MARK: - The schedule

extension ClientMachine {
    func act() {
        guard let client else { return start() }
        client.act()
        bury()
    }

    func actFully() {
        if client == nil { start() }
        client?.actFully()
        bury()
    }

    func disturb() throws(SimulationFailure) {
        guard world.happens(12) else { return world.random.pick(writers).act() }
        switch world.random.int(0...4) {
        case 0 where scenario.troubles.contains(.clientKills): kill()
        case 1 where scenario.troubles.contains(.clientKills):
            fileSystem.faults.stepsUntilKill = world.random.int(1...6)
        case 2 where scenario.troubles.contains(.stateLost): loseState()
        case 3 where scenario.troubles.contains(.clientPowerCuts): losePower()
        case 4 where scenario.troubles.contains(.reconnects): client?.reconnect()
        default: fileSystem.faults.readsAreShort = world.random.bool()
        }
    }

    func willWait(_ nanoseconds: Int64) { for writer in writers { writer.willWait(nanoseconds) } }

    func finishWriting() {
        for writer in writers { writer.finish() }
        fileSystem.faults = DiskFaults()
    }

    func receive(_ event: SimulatedConnection.Event, on connection: Int) throws(SimulationFailure) {
        try client?.receive(event, on: connection)
        bury()
    }

    private func start() {
        fileSystem = SimulatedFileSystem(disk)
        do {
            client = try SimulatedClient(world, fileSystem, configuration)
            client?.onAcknowledgement = { [weak self] connection, offset in self?.raiseFloor(connection, offset) }
            client?.onSave = { [weak self] in self?.positions = $0 }
            client?.onLoss = { [weak self] path, byteCount in
                self?.writers.first { $0.path == path }?.count(lost: byteCount)
            }
            client?.onFirstLook = { [weak self] in self?.forgetUnknown() }
            world.note("\(host): client started\(client.map { ", knows \($0.known)" } ?? "")")
        } catch {
            fileSystem.kill()
            world.note("\(host): client did not start: \(error)")
        }
    }

    /// Rotated files of paths that nothing is known of are asked about, and not sent.
    private func forgetUnknown() {
        for writer in writers where client?.knows(writer.path) == false { writer.forgetRotated() }
    }

    private func kill() {
        guard let client else { return }
        world.note("\(host): client killed")
        fileSystem.kill()
        client.abandon()
        self.client = nil
        for writer in writers { writer.clientDied() }
    }

    private func bury() { if client != nil, !fileSystem.isAlive { kill() } }

    private func loseState() {
        kill()
        world.note("\(host): client's state is lost")
        positions = []
        for writer in writers { writer.forgetSent() }
        let path = SourcePath(Self.stateDirectory + "/client.state")
        if (try? disk.find(path, .open)) != nil, (try? disk.existing(path, .open)) != nil { try? disk.remove(path) }
    }

    /// The logs are on disk, as if their programs synced each write; the client's state is as its syncs left it.
    private func losePower() {
        kill()
        world.note("\(host): power is cut")
        disk.writeBack(below: Self.logDirectory)
        disk.cutPower()
        for writer in writers { writer.lostPower() }
    }
}

// MARK: - The rules

extension ClientMachine {
    private func raiseFloor(_ connection: Int, _ offset: UInt64) {
        guard let floor = world.floors.removeValue(forKey: World.FloorKey(connection: connection, offset: offset)),
            floor.bytes.count > floors[floor.output]?.count ?? 0
        else { return }
        floors[floor.output] = floor.bytes
    }

    func check(_ server: SimulatedDisk, isFinal: Bool) throws(SimulationFailure) {
        for (path, bytes) in floors.sorted(by: { $0.key < $1.key }) {
            let output = server.stored(path)
            guard output.starts(with: bytes) else {
                throw SimulationFailure(
                    "\(path): \(bytes.count) bytes were acknowledged, the output begins with "
                        + "\(zip(output, bytes).prefix { $0 == $1 }.count) of them")
            }
        }
        guard isFinal else { return }
        for writer in writers { try check(writer, server) }
    }

    private func check(_ writer: LogWriter, _ server: SimulatedDisk) throws(SimulationFailure) {
        let output = server.stored(Scenario.output(StreamSource(host: host, path: writer.path)))
        let ends = writer.history.ends(in: output)
        guard ends.contains(output.count) else {
            throw SimulationFailure(
                "\(writer.summary): the output has \(output.count) bytes, and can be explained up to "
                    + (ends.max().map { "\($0)" } ?? "no point where all that is due has come"))
        }
        if let violation = writer.losses.violation(of: writer.history, in: output) {
            throw SimulationFailure("\(writer.summary): \(violation)")
        }
    }

    func isAtRest(_ server: SimulatedDisk) -> Bool { (try? check(server, isFinal: true)) != nil }
}

// MARK: - What programs do to files

extension ClientMachine {
    /// What the client knows of a file at present; nil where it is down, or does not follow it.
    func record(of inode: SimulatedInode) -> FileRecord? { client?.record(of: inode) }

    func inode(at path: SourcePath) -> SimulatedInode? { (try? disk.find(path, .open)) ?? nil }

    func create(_ path: SourcePath) -> SimulatedInode {
        // Files that are made within one tick of the file system's clock can't be told apart by age.
        world.clock.advance(.milliseconds(5))
        let inode = disk.make(.regular, mode: 0o644)
        do throws(FileError) {
            disk.add(inode, at: path, in: try disk.directory(of: path, .open))
        } catch {
            preconditionFailure("the logs' directory is there: \(error)")
        }
        tell(path, .created)
        return inode
    }

    func append(_ bytes: [UInt8], to inode: SimulatedInode) {
        guard !bytes.isEmpty else { return }
        inode.append(bytes, now: disk.wall.stamp)
        tell(inode, .modified)
    }

    func truncate(_ inode: SimulatedInode) {
        inode.truncate(to: 0, now: disk.wall.stamp)
        tell(inode, .modified)
    }

    func close(_ inode: SimulatedInode) {
        inode.writers -= 1
        tell(inode, .closedWrite)
    }

    func rename(_ path: SourcePath, to other: SourcePath) {
        guard inode(at: path) != nil, (try? disk.rename(path, to: other)) != nil else { return }
        tell(path, .movedFrom)
        tell(other, .movedTo)
    }

    func remove(_ path: SourcePath) {
        guard inode(at: path) != nil, (try? disk.remove(path)) != nil else { return }
        tell(path, .deleted)
    }

    private func tell(_ inode: SimulatedInode, _ changes: DirectoryChanges) {
        guard let directory = self.inode(at: Self.logDirectory) else { return }
        let name = directory.entries.first { $0.value === inode }?.key
        if let name { tell(Self.logDirectory.below(name), changes) }
    }

    private func tell(_ path: SourcePath, _ changes: DirectoryChanges) {
        // A directory's sync is of no interest here, and a name that was removed gives its inode back.
        disk.writeBack(below: Self.logDirectory)
        guard scenario.losesEvents, world.happens(25) else { client?.noticed(path, changes); return }
        world.note("\(host): the event of \(path) is lost")
        // A full queue is told of; a file system on another machine has no events.
        if world.random.bool() { client?.missedEvents() }
    }
}
