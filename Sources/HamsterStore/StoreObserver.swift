internal import Synchronization

/// Who counts what the store does. Called from any thread; must not block.
package struct StoreObserver: Sendable {
    /// A commit with something to do was done in so long.
    package var committed: @Sendable (Duration) -> Void
    /// What befell no single caller, as the store's `onFailure` hears of it.
    package var failed: @Sendable (StoreError) -> Void

    package init(
        committed: @escaping @Sendable (Duration) -> Void, failed: @escaping @Sendable (StoreError) -> Void
    ) {
        self.committed = committed
        self.failed = failed
    }
}

/// The observer, once there is one.
final class StoreObservation: Sendable {
    private let observer = Mutex<StoreObserver?>(nil)

    var current: StoreObserver? { observer.withLock { $0 } }

    func begin(_ observer: StoreObserver) { self.observer.withLock { $0 = observer } }
}
