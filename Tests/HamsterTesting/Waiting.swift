import Foundation

/// How long a test waits for what has to happen. Generous, since it ends as soon as it does: the slowest machine with all
/// of its cores in use must not fail for that alone.
package let patience: Duration = isSanitized ? .seconds(900) : .seconds(240)

/// Whether the tests and the programs run under a sanitizer, which makes them several times slower and larger.
package let isSanitized = ProcessInfo.processInfo.environment["LOGHAMSTER_SANITIZER"] != nil

extension Duration {
    /// Between two requests that ask for the same: each is more work than a look at a file or at a process.
    package static let betweenRequests: Duration = .milliseconds(200)
    /// Between two looks at what is in memory.
    package static let betweenGlances: Duration = .milliseconds(1)
}

/// Polls until `condition` holds; throws after `timeout` with what was awaited.
package func eventually(
    _ what: @autoclosure () -> String, every interval: Duration = .milliseconds(10), timeout: Duration = patience,
    _ condition: () async throws -> Bool
) async throws {
    try await awaited(what(), every: interval, timeout: timeout) { try await condition() ? () : nil }
}

/// Polls until `poll` gives a value; throws after `timeout` with what was awaited. For what can't be cancelled. The one place
/// where a test sleeps until something has happened.
package func awaited<Value: Sendable>(
    _ what: @autoclosure () -> String, every interval: Duration = .milliseconds(10), timeout: Duration = patience,
    poll: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + timeout
    while true {
        if let value = try await poll() { return value }
        guard ContinuousClock.now < deadline else { throw TestingError("waited \(timeout) in vain for: \(what())") }
        try await Task.sleep(for: interval)
    }
}
