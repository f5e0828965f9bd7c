import HamsterFiles
import HamsterSimulation
import HamsterTesting
import Synchronization
import Testing

/// What CI runs of the simulation; `make simulate SEEDS=1000000` runs on. Read with docs/delivery.md beside it.
///
/// `LOGHAMSTER_SIMULATION_SEEDS=160` makes it shorter, for builds that are slow.
@Suite(.timeLimit(.minutes(15))) struct SeedTests {
    static let cases: UInt64 = 8
    static let seedsPerCase = UInt64(Seeds.number("LOGHAMSTER_SIMULATION_SEEDS") ?? 2_000) / cases

    @Test(arguments: Array(0..<cases))
    func `whatever happens, each byte arrives once and in order, and the system comes to rest`(part: UInt64)
        async throws
    {
        let seeds = part * Self.seedsPerCase..<(part + 1) * Self.seedsPerCase
        let report = Mutex<String?>(nil)

        // Off the pool, which has a thread for each core: the tests that run meanwhile would wait for many seeds at each
        // `await`.
        try await withDedicatedThread {
            let failure = seeds.lazy.compactMap { SeedReport.failure(ofSeed: $0) }.first
            report.withLock { $0 = failure.map { "\($0)" } }
        }

        let failure = report.withLock { $0 }
        #expect(failure == nil, "\(failure ?? "")")
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
