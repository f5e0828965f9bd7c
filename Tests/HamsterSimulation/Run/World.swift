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

    /// An acknowledgement on its way, and what the output held when it was sent: all that must stay.
    struct FloorKey: Hashable {
        var connection: Int
        var offset: UInt64
    }

    var floors: [FloorKey: (output: SourcePath, bytes: [UInt8])] = [:]

    init(seed: UInt64, isTraced: Bool) {
        random = SeededGenerator(seed: seed)
        trace = isTraced ? [] : nil
    }

    /// The trace goes on for so many lines: what comes later is the same again and again.
    private var linesLeft = Int.max

    func stopTracing() { linesLeft = 100 }

    func note(_ text: @autoclosure () -> String) {
        guard trace != nil, linesLeft > 0 else { return }
        linesLeft -= 1
        trace?.append("\(clock.elapsed / 1_000_000) ms: \(text())")
    }

    /// True in `percent` of a hundred cases.
    func happens(_ percent: Int) -> Bool { random.int(1...100) <= percent }

    func disk(keepsBirthTimes: Bool = true) -> SimulatedDisk {
        SimulatedDisk(wall: WallClock(clock), keepsBirthTimes: keepsBirthTimes, seed: random.next())
    }
}
