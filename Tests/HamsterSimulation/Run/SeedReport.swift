/// What running seeds has come to.
package struct SeedReport: Sendable {
    package var seed: UInt64
    package var failure: SimulationFailure
    /// The last steps of the schedule.
    package var steps: [String]

    /// Runs one seed; where it fails, once more with its steps noted. Nil: every rule held.
    package static func failure(ofSeed seed: UInt64) -> SeedReport? {
        do {
            try Simulation(seed: seed).run()
            return nil
        } catch {
            let replay = Simulation(seed: seed, isTraced: true)
            do {
                try replay.run()
                return SeedReport(
                    seed: seed, failure: error, steps: ["the replay did not fail: set SWIFT_DETERMINISTIC_HASHING=1"])
            } catch {
                return SeedReport(seed: seed, failure: error, steps: replay.trace.suffix(140))
            }
        }
    }
}

extension SeedReport: CustomStringConvertible {
    package var description: String {
        """
        seed \(seed): \(failure)
        the last steps:
        \(steps.map { "  " + $0 }.joined(separator: "\n"))
        to see it again: swift run simulate --from \(seed) --seeds 1
        """
    }
}
