package import HamsterCore
internal import Synchronization

/// The paths that were given up and why. Any thread may use it.
package final class ShippingFailures: Sendable {
    private let failures = Mutex<[(path: SourcePath, error: ClientError)]>([])

    package init() {}

    package var all: [(path: SourcePath, error: ClientError)] { failures.withLock { $0 } }

    func add(_ path: SourcePath, _ error: ClientError) { failures.withLock { $0.append((path, error)) } }
}
