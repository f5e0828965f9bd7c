import Foundation

/// Polls until `condition` holds; throws after `timeout` with what was awaited. The only place where a test sleeps.
package func eventually(
    _ what: @autoclosure () -> String, timeout: Duration = .seconds(30), _ condition: () throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw TestingError("waited \(timeout) in vain for: \(what())") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
