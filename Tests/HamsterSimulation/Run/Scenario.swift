import HamsterCore
import HamsterRouting
import HamsterStore
import HamsterTesting

/// What a seed runs: drawn once, so that some seeds are calm and others have everything at once.
struct Scenario {
    /// What may happen in a run, beside reading, writing and delivering.
    enum Trouble: CaseIterable {
        case serverKills, serverStops, powerCuts, connectionsBroken, connectionsHalfOpen, disksFull, syncsFailing,
            tornWrites
        case reconnects, stateLost, clientKills, clientPowerCuts, rotations
    }

    var steps: Int
    var sync: SyncPolicy
    var lineBytesMax: Int
    var troubles: Set<Trouble> = []
    /// Of all outputs. All files are kept: what was acknowledged has to be there.
    var rotation: RotationPolicy?
    /// Whether some of the kernel's events never reach the client: its queue was full, or the file system is on another
    /// machine.
    var losesEvents = false

    init(_ random: inout SeededGenerator, seed: UInt64) {
        // Drawn apart: the seeds without rotation are the runs that they would be without this line.
        var draws = SeededGenerator(seed: ~seed)
        if draws.bool() { rotation = RotationPolicy(drawnFrom: &draws) }
        losesEvents = draws.int(0...3) == 0
        steps = random.pick([60, 120, 250, 400])
        sync = random.int(0...3) == 0 ? .os : .commit
        lineBytesMax = random.pick([7, 1 << 20])
        for trouble in Trouble.allCases where random.bool() { troubles.insert(trouble) }
        // Without the syncs nothing is promised of a power cut, or of a sync that fails.
        if sync == .os { troubles.subtract([.powerCuts, .syncsFailing]) }
    }

    static let stateDirectory = "/var/lib/loghamster"
    static let outputDirectory = "/srv/logs"
    static let linesOutput = SourcePath("/srv/logs/merged/all.log")

    var store: StoreConfiguration {
        StoreConfiguration(
            stateDirectory: Self.stateDirectory, directory: Self.outputDirectory, sync: sync,
            lineBytesMax: lineBytesMax)
    }

    static var router: Router {
        Router(
            rules: (try? PathTemplate(linesOutput.description)).map { path in
                [OutputRule(name: "merged", action: .write(.init(path: path, framing: .lines)))]
            } ?? [],
            hasFallback: true)
    }

    /// Where the fallback puts a source.
    static func output(_ source: StreamSource) -> SourcePath {
        SourcePath(bytes: Array("\(outputDirectory)/\(source.host)".utf8) + source.path.bytes)
    }
}

extension RotationPolicy {
    fileprivate init(drawnFrom random: inout SeededGenerator) {
        self.init(
            size: random.pick([3, 20, 150, 1_000]), every: random.pick([nil, 1, 5]),
            isCompressing: random.int(0...3) > 0,
            names: random.bool() ? .numbered : .dated)
    }
}
