/// What a metric is called, and what it says to whom it may concern.
package struct MetricDescription: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// Only grows, from 0 at the program's start; its name ends in `_total`.
        case counter
        /// A value at a moment.
        case gauge
        /// Observations by size.
        case histogram
    }

    package let kind: Kind
    /// With its unit, as in `loghamster_received_bytes_total`.
    package let name: String
    /// The labels' names, in the order in which values are given.
    package let labels: [String]
    /// A sentence or a part of one, for people.
    package let help: String

    package init(_ kind: Kind, _ name: String, _ labels: [String] = [], help: String) {
        self.kind = kind
        self.name = name
        self.labels = labels
        self.help = help
    }
}
