internal import Synchronization

extension Journal {
    /// One opening that waits until its output's record is durable.
    final class Registration: Sendable {
        let output: OutputRecord
        /// Nil: not tried yet.
        let outcome = Mutex<Result<Void, StoreError>?>(nil)

        init(_ output: OutputRecord) { self.output = output }
    }

    /// Returns when a record of the output is durable. Many callers at once share one frame and one sync: the first in
    /// turn writes for all who came before it got the turn.
    func register(_ output: OutputRecord) throws(StoreError) {
        let registration = Registration(output)
        waiting.withLock { $0.append(registration) }
        turn.withLock { _ in
            guard registration.outcome.withLock({ $0 == nil }) else { return }
            let group = waiting.withLock { waiting in
                let group = waiting
                waiting = []
                return group
            }
            let outcome = Result { () throws(StoreError) in try write(CommitRecord(outputs: group.map(\.output))) }
            for registration in group { registration.outcome.withLock { $0 = outcome } }
        }
        let outcome = registration.outcome.withLock { $0 }
        try outcome?.get()
    }
}
