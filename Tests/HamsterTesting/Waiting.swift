import Foundation

/// How long a test waits for what has to happen. Generous, since it ends as soon as it does: the slowest machine with all
/// of its cores in use must not fail for that alone.
package let patience: Duration = .seconds(120)

/// Polls until `condition` holds; throws after `timeout` with what was awaited. Only here and in `awaited` a test sleeps.
package func eventually(
    _ what: @autoclosure () -> String, timeout: Duration = patience, _ condition: () throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TestingError("waited \(timeout) in vain for: \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Polls until `poll` gives a value; throws after `timeout` with what was awaited. For what can't be cancelled.
package func awaited<Value: Sendable>(
    _ what: @autoclosure () -> String, timeout: Duration = patience, poll: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + timeout
    while true {
        if let value = try await poll() { return value }
        guard ContinuousClock.now < deadline else { throw TestingError("waited \(timeout) in vain for: \(what())") }
        try await Task.sleep(for: .milliseconds(1))
    }
}
