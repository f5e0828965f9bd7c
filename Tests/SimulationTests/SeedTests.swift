import HamsterSimulation
import Testing

/// What CI runs of the simulation; `make simulate SEEDS=1000000` runs on. Read with docs/delivery.md beside it.
@Suite(.timeLimit(.minutes(5))) struct SeedTests {
    static let seedsPerCase: UInt64 = 250

    @Test(arguments: Array(0..<8 as Range<UInt64>))
    func `whatever happens, each byte arrives once and in order, and the system comes to rest`(part: UInt64) {
        let seeds = part * Self.seedsPerCase..<(part + 1) * Self.seedsPerCase

        let report = seeds.lazy.compactMap { SeedReport.failure(ofSeed: $0) }.first

        #expect(report == nil, "\(report.map { "\($0)" } ?? "")")
    }

    @Test func `a seed is the same run each time`() throws {
        let traces = try (0..<2).map { _ in
            let simulation = Simulation(seed: 7, isTraced: true)
            try simulation.run()
            return simulation.trace
        }

        #expect(traces[0] == traces[1])
        #expect(traces[0].count > 10)
    }
}
