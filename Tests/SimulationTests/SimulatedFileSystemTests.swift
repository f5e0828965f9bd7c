import HamsterCore
import HamsterFiles
import HamsterSimulation
import HamsterTesting
import Testing

/// The simulated file system has to be what Linux's is where it matters, or the simulation proves nothing.
@Suite struct SimulatedFileSystemTests {
    let clock = SimulatedClock()

    func disk(seed: UInt64 = 1) -> SimulatedDisk { SimulatedDisk(wall: WallClock(clock), seed: seed) }

    @Test(arguments: Array(0..<40 as Range<UInt64>))
    func `the same operations have the same outcome as on Linux`(seed: UInt64) throws {
        let scratch = try ScratchDirectory()
        let simulated = SimulatedFileSystem(disk())
        try simulated.makeDirectory(scratch.path, mode: 0o750)
        let machines = [
            FileOperations(fileSystem: LinuxFileSystem(), base: scratch.path),
            FileOperations(fileSystem: simulated, base: scratch.path),
        ]
        var random = SeededGenerator(seed: seed)
        let steps = (0..<80).map { _ in FileOperationStep.random(&random) }

        let outcomes = machines.map { machine in steps.map { "\($0): \(machine.outcome(of: $0))" } }

        let difference = zip(outcomes[0], outcomes[1]).first { $0 != $1 }
        #expect(difference == nil, "\(difference.map { "Linux: \($0), simulated: \($1)" } ?? "")")
    }

    @Test(arguments: Array(0..<50 as Range<UInt64>))
    func `a power cut leaves all that was synchronized, and of the rest no other bytes`(seed: UInt64) throws {
        let disk = disk(seed: seed)
        let before = SimulatedFileSystem(disk)
        let file = try before.openOutput(.absolute(SourcePath("/d/log")), OutputOpening())
        try file.append("synchronized".bytes.span.bytes)
        try file.synchronize()
        for directory in file.entryDirectories { try before.synchronizeDirectory(directory) }
        try file.append(" and not".bytes.span.bytes)
        before.kill()

        disk.cutPower()

        let found = try #require(disk.contents(SourcePath("/d/log")))
        let zeros = "synchronized and not".bytes.prefix(found.count)
        let isLegal = zip(found, zeros).allSatisfy { $0 == $1 || $0 == 0 }
        #expect(found.starts(with: "synchronized".utf8) && isLegal)
    }

    @Test func `power cuts take names that no directory's sync has reached, but not always`() throws {
        let survivals = try (0..<40 as Range<UInt64>).map { seed in
            let disk = disk(seed: seed)
            let file = try SimulatedFileSystem(disk).openOutput(.absolute(SourcePath("/log")), OutputOpening())
            try file.append("x".bytes.span.bytes)
            try file.synchronize()
            disk.cutPower()
            return disk.contents(SourcePath("/log")) != nil
        }

        #expect(survivals.contains(true) && survivals.contains(false))
    }

    @Test func `a killed process holds no lock, and can do nothing any more`() throws {
        let disk = disk()
        let (killed, other) = (SimulatedFileSystem(disk), SimulatedFileSystem(disk))
        let lock = try killed.lock("/lock")
        #expect(throws: FileError.self) { _ = try other.lock("/lock") }

        killed.kill()
        let second = try other.lock("/lock")
        lock.release()

        #expect(throws: FileError.self) { _ = try SimulatedFileSystem(disk).lock("/lock") }
        #expect(throws: FileError.self) { try killed.remove(SourcePath("/lock")) }
        second.release()
    }

    @Test func `an inode is given again once nobody holds it, with another birth time`() throws {
        let disk = disk()
        let fileSystem = SimulatedFileSystem(disk)
        func identity() throws -> FileIdentity {
            clock.advance(.milliseconds(5))
            let file = try fileSystem.openOutput(.absolute(SourcePath("/log")), OutputOpening())
            return try file.status().identity
        }
        let first = try identity()
        let reader = try fileSystem.open(SourcePath("/log"))
        try fileSystem.remove(SourcePath("/log"))
        let second = try identity()
        try fileSystem.remove(SourcePath("/log"))
        disk.writeBack()
        let third = try identity()

        #expect(try reader.status().inode == first.inode && second.inode != first.inode)
        #expect(third.inode == second.inode && third.born != second.born)
    }
}

extension String {
    fileprivate var bytes: [UInt8] { Array(utf8) }
}
