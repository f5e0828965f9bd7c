/// What goes wrong with one process's disk at present, and when it is killed.
struct DiskFaults {
    /// The process dies at this many steps from now; 1 is the next.
    var stepsUntilKill: Int?
    /// Appends get so many bytes before the disk is full; nil: there is room.
    var bytesUntilFull: Int?
    /// This sync from now fails; 1 is the next.
    var syncsUntilFailure: Int?
    /// A write that failed can't be cut back either.
    var tearsWrites = false
    /// Reads may give fewer bytes than asked for, and nothing is in the page cache.
    var readsAreShort = false

    init() {}

    var isFull: Bool { bytesUntilFull == 0 }

    mutating func killsNow() -> Bool { Self.countDown(&stepsUntilKill) }
    mutating func syncFailsNow() -> Bool { Self.countDown(&syncsUntilFailure) }

    /// How many of `count` bytes there is room for.
    mutating func room(for count: Int) -> Int {
        guard let bytesLeft = bytesUntilFull else { return count }
        bytesUntilFull = max(0, bytesLeft - count)
        return min(count, bytesLeft)
    }

    /// True when it comes to zero; nil from then on.
    private static func countDown(_ counter: inout Int?) -> Bool {
        guard let count = counter else { return false }
        counter = count > 1 ? count - 1 : nil
        return count <= 1
    }
}
