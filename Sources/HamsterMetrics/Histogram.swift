/// How many observations of a duration there were up to each of some bounds. Any thread may use it.
package final class Histogram: Sendable {
    /// The numbers at one moment.
    package struct Snapshot: Sendable, Hashable {
        /// In seconds, growing.
        package var bounds: [Double]
        /// Those up to each bound and above the one before; the last are above all bounds.
        package var observations: [UInt64]
        /// In seconds.
        package var sum: Double
    }

    package let description: MetricDescription
    private let bounds: [Double]
    private let observations: [Counter]
    private let nanoseconds = Counter()

    /// `bounds` are in seconds, and grow.
    package init(_ name: String, bounds: [Double], help: String) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of a histogram grow")
        description = MetricDescription(.histogram, name, help: help)
        self.bounds = bounds
        observations = (0...bounds.count).map { _ in Counter() }
    }

    /// Counts one; less than nothing counts as nothing.
    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = max(.zero, duration).components
        let value = Double(seconds) + Double(attoseconds) / 1e18
        observations[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
        nanoseconds.add(UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue)
        nanoseconds.add(UInt64(attoseconds / 1_000_000_000))
    }

    package var snapshot: Snapshot {
        Snapshot(
            bounds: bounds, observations: observations.map(\.value), sum: Double(nanoseconds.value) / 1_000_000_000)
    }
}

extension Exposition {
    package mutating func add(_ histogram: Histogram) { add(histogram.description, histogram.snapshot) }
}
