internal import Synchronization

/// Whether an output's writes have to wait at present, for its disk or for its file to be opened. All writers of the
/// output share it, so that the second one need not find out anew. Any thread may ask.
final class OutputPace: Sendable {
    /// A write that takes longer is a stall.
    private static let stall: Duration = .milliseconds(5)
    /// So many writes in a row below ``stall`` end it.
    private static let quickWritesToRecover = 16

    private let quickWritesDue = Atomic<Int>(0)
    private let held = Atomic<Bool>(false)

    /// Relaxed: who reads an old value writes once on the wrong thread, no more.
    var isStalled: Bool { quickWritesDue.load(ordering: .relaxed) > 0 }

    /// The file is closed, or about to be.
    var isHeld: Bool { held.load(ordering: .relaxed) }

    func hold() { held.store(true, ordering: .relaxed) }

    /// The file is open.
    func release() { held.store(false, ordering: .relaxed) }

    /// Notes how long a write takes. One call at a time.
    func noting<Failure: Error>(_ write: () throws(Failure) -> Void) throws(Failure) {
        let start = ContinuousClock.now
        try write()
        note(.now - start)
    }

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
