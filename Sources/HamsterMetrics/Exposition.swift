/// The text that a scrape gets: metrics are added one after the other, each once.
package struct Exposition: Sendable {
    package enum Format: Sendable, Hashable, CaseIterable {
        /// Prometheus text format, 0.0.4.
        case text
        /// OpenMetrics 1.0.
        case openMetrics

        /// The value of `Content-Type`.
        package var contentType: String {
            switch self {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// One series of a metric: a value for each of its labels, and the number.
    package struct Sample: Sendable, Hashable {
        package var labels: [String]
        package var value: Double

        package init(_ labels: [String], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    private let format: Format
    private var bytes: [UInt8] = []

    package init(_ format: Format) {
        self.format = format
        bytes.reserveCapacity(64 * 1_024)
    }

    /// A counter or gauge without labels.
    package mutating func add(_ metric: MetricDescription, _ value: Double) { add(metric, [Sample([], value)]) }

    /// A counter or gauge with its series; without any it is still named and described.
    package mutating func add(_ metric: MetricDescription, _ samples: some Sequence<Sample>) {
        describe(metric)
        let names = metric.labels.map { Array("\($0)=\"".utf8) }
        for sample in samples {
            bytes += metric.name.utf8
            write(names, sample.labels)
            write(value: sample.value)
        }
    }

    /// A histogram without labels.
    package mutating func add(_ metric: MetricDescription, _ snapshot: Histogram.Snapshot) {
        describe(metric)
        var count = 0.0
        for (bound, observations) in zip(snapshot.bounds + [.infinity], snapshot.observations) {
            count += Double(observations)
            bytes += "\(metric.name)_bucket{le=\"\(text(ofBound: bound))\"}".utf8
            write(value: count)
        }
        bytes += "\(metric.name)_sum".utf8
        write(value: snapshot.sum)
        bytes += "\(metric.name)_count".utf8
        write(value: count)
    }

    /// The whole text. Nothing can follow.
    package consuming func finish() -> [UInt8] {
        if format == .openMetrics { bytes += "# EOF\n".utf8 }
        return bytes
    }

    /// OpenMetrics names a counter without the `_total` that its series have.
    private mutating func describe(_ metric: MetricDescription) {
        let isShortened = format == .openMetrics && metric.kind == .counter
        let name = isShortened ? String(metric.name.trimming(suffix: "_total")) : metric.name
        bytes += "# HELP \(name) ".utf8
        escape(metric.help, quotes: format == .openMetrics)
        bytes += "\n# TYPE \(name) \(metric.kind.rawValue)\n".utf8
    }

    /// `names` are followed by `="`.
    private mutating func write(_ names: [[UInt8]], _ values: [String]) {
        precondition(names.count == values.count, "each label of a metric has a value")
        guard !names.isEmpty else { return }
        var separator = UInt8(ascii: "{")
        for (name, value) in zip(names, values) {
            bytes.append(separator)
            bytes += name
            escape(value, quotes: true)
            bytes.append(UInt8(ascii: "\""))
            separator = UInt8(ascii: ",")
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func escape(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
            case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
            case UInt8(ascii: "\"") where quotes: bytes += #"\""#.utf8
            default: bytes.append(byte)
            }
        }
    }

    private mutating func write(value: Double) {
        bytes.append(UInt8(ascii: " "))
        bytes += Self.text(of: value).utf8
        bytes.append(UInt8(ascii: "\n"))
    }

    /// OpenMetrics writes bounds as floating point numbers always.
    private func text(ofBound bound: Double) -> String {
        bound.isFinite && format == .openMetrics ? "\(bound)" : Self.text(of: bound)
    }

    /// Whole numbers without a fraction, as far as a `Double` counts them one by one.
    private static func text(of value: Double) -> String {
        if let whole = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 { return "\(whole)" }
        if value.isNaN { return "NaN" }
        guard value.isFinite else { return value > 0 ? "+Inf" : "-Inf" }
        return "\(value)"
    }
}

extension String {
    fileprivate func trimming(suffix: String) -> Substring {
        hasSuffix(suffix) ? dropLast(suffix.count) : self[...]
    }
}
