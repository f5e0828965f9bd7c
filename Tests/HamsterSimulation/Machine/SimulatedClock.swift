package import HamsterFiles

/// Time as the simulation lets it pass. Owned by one simulation, which runs on one thread.
package final class SimulatedClock: @unchecked Sendable {  // because one thread uses it
    /// Nanoseconds since the simulation began; never goes back.
    package private(set) var elapsed: Int64 = 0

    package init() {}

    /// Lets time pass.
    package func advance(_ duration: Duration) {
        elapsed += duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
    }
}

/// The wall clock of one machine: it can be set, forwards and back.
package final class WallClock: @unchecked Sendable {  // because one thread uses it
    private static let epoch: Int64 = 1_700_000_000_000_000_000
    /// File systems stamp files with the time of the last tick.
    private static let tick: Int64 = 4_000_000

    private let clock: SimulatedClock
    private var offset: Int64 = 0

    package init(_ clock: SimulatedClock) { self.clock = clock }

    package var now: FileTime { FileTime(nanoseconds: Self.epoch + clock.elapsed + offset) }

    /// What a file gets as its time.
    package var stamp: FileTime {
        let now = now.nanoseconds
        return FileTime(nanoseconds: now - now % Self.tick)
    }

    /// An operator or NTP sets the clock.
    package func step(nanoseconds: Int64) { offset += nanoseconds }
}
