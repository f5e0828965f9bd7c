import Foundation

/// The seeds of a random test: the first few, or what the environment asks for, so that a failure can be seen again.
package enum Seeds {
    /// `LOGHAMSTER_SEED=17` is this one alone, `LOGHAMSTER_SEEDS=500` is 1 to 500; else it is 1 to `count`.
    package static func upTo(_ count: Int) -> [UInt64] {
        if let one = number("LOGHAMSTER_SEED") { return [UInt64(one)] }
        return (1...max(1, number("LOGHAMSTER_SEEDS") ?? count)).map(UInt64.init)
    }

    /// A number in the test's environment; nil where there is none.
    package static func number(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
    }
}
