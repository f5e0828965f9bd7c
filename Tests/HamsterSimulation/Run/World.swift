import HamsterCore
import HamsterFiles
import HamsterTesting

/// What both machines and the network between them are made of, and the one source of chance.
final class World {
    let clock = SimulatedClock()
    let network = SimulatedNetwork()
    var random: SeededGenerator
    /// Nil: nobody reads the trace.
    var trace: [String]?

    init(seed: UInt64, isTraced: Bool) {
        random = SeededGenerator(seed: seed)
        trace = isTraced ? [] : nil
    }

    func note(_ text: @autoclosure () -> String) {
        guard trace != nil else { return }
        trace?.append("\(clock.elapsed / 1_000_000) ms: \(text())")
    }

    /// True in `percent` of a hundred cases.
    func happens(_ percent: Int) -> Bool { random.int(1...100) <= percent }

    func disk(keepsBirthTimes: Bool = true) -> SimulatedDisk {
        SimulatedDisk(wall: WallClock(clock), keepsBirthTimes: keepsBirthTimes, seed: random.next())
    }
}
