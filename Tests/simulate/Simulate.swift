import ArgumentParser
import Glibc
import HamsterSimulation

/// Runs seeds of the simulation until one fails.
@main struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run both sides against simulated disks, networks and clocks.")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 2_000
    @Option(help: "The first seed.") var from: UInt64 = 0
    @Flag(help: "Print the steps of every seed.") var verbose = false

    func run() throws {
        try Self.requireDeterministicHashing()
        let start = ContinuousClock.now
        for seed in from..<from + seeds {
            if verbose { show(seed) }
            guard let report = SeedReport.failure(ofSeed: seed) else { continue }
            print("\(report)\nsimulate: failed after \(seed - from + 1) seeds")
            throw ExitCode.failure
        }
        let seconds = max(0.001, Double((ContinuousClock.now - start).components.seconds))
        print("simulate: \(seeds) seeds from \(from), \(Int(Double(seeds) / seconds)) a second: every rule held")
    }

    private func show(_ seed: UInt64) {
        let simulation = Simulation(seed: seed, isTraced: true)
        try? simulation.run()
        print("seed \(seed):\n\(simulation.trace.joined(separator: "\n"))")
    }

    /// The order of sets and dictionaries differs from process to process otherwise, and with it what a seed does.
    private static func requireDeterministicHashing() throws {
        guard getenv("SWIFT_DETERMINISTIC_HASHING") == nil else { return }
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        throw ValidationError("could not start anew: errno \(errno)")
    }
}
