import Foundation

/// The clock that file systems stamp files with.
package enum CoarseClock {
    /// Waits until files that come into being from now on are younger than those that are there: within one tick they
    /// can't be told apart by age.
    package static func tick() async throws {
        let start = now
        try await eventually("a tick of the clock") { now != start }
    }

    private static var now: [Int] {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        return [now.tv_sec, now.tv_nsec]
    }
}
