internal import Synchronization

/// Whether an output's writes wait for its disk at present. All writers of the output share it, so that the second one
/// need not find out anew. Any thread may ask.
final class OutputPace: Sendable {
    /// A write that takes longer is a stall.
    private static let stall: Duration = .milliseconds(5)
    /// So many writes in a row below ``stall`` end it.
    private static let quickWritesToRecover = 16

    private let quickWritesDue = Atomic<Int>(0)

    /// Relaxed: who reads an old value writes once on the wrong thread, no more.
    var isStalled: Bool { quickWritesDue.load(ordering: .relaxed) > 0 }

    /// Notes how long a write took. One call at a time.
    func note(_ duration: Duration) {
        guard duration <= Self.stall else {
            quickWritesDue.store(Self.quickWritesToRecover, ordering: .relaxed)
            return
        }
        let due = quickWritesDue.load(ordering: .relaxed)
        if due > 0 { quickWritesDue.store(due - 1, ordering: .relaxed) }
    }
}
