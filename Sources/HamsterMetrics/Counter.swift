internal import Synchronization

/// A number that only grows. Adding is one relaxed atomic addition, on any thread.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// The counters of one metric, by the values of its labels.
///
/// Who counts often asks for a counter once, and keeps it.
package final class CounterFamily: Sendable {
    /// So many series there may be; the rest is counted together, with `_other` for each label. The values come from lists and
    /// from the configuration: this is for the day when they don't.
    package static let seriesMax = 10_000
    /// The label's value for what is counted together.
    package static let otherName = "_other"

    package let description: MetricDescription
    private let counters: Mutex<[[String]: Counter]>

    /// Those in `known` exist from the start, so that their first event is a change from 0.
    package init(_ name: String, _ labels: [String], help: String, known: [[String]] = []) {
        description = MetricDescription(.counter, name, labels, help: help)
        counters = Mutex(Dictionary(uniqueKeysWithValues: known.map { ($0, Counter()) }))
    }

    /// The counter for these values of the labels.
    package subscript(values: String...) -> Counter { counter(values) }

    private func counter(_ values: [String]) -> Counter {
        precondition(values.count == description.labels.count, "each label of a metric has a value")
        return counters.withLock { counters in
            if let known = counters[values] { return known }
            let key = counters.count < Self.seriesMax ? values : values.map { _ in Self.otherName }
            let counter = counters[key] ?? Counter()
            counters[key] = counter
            return counter
        }
    }

    /// The sum of all counters.
    package var total: UInt64 { counters.withLock { $0 }.values.reduce(0) { $0 &+ $1.value } }

    /// In the order of the labels' values.
    package var samples: [Exposition.Sample] {
        counters.withLock { $0 }.map { Exposition.Sample($0.key, Double($0.value.value)) }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}

extension Exposition {
    package mutating func add(_ family: CounterFamily) { add(family.description, family.samples) }
}
