/// The configured rates, in bytes a second; nil: no limit.
package struct RateLimits: Sendable, Hashable {
    /// Bounds of a configured rate: less would hold a connection up for longer than TCP keeps it.
    package static let range = 1_024...(1 << 50)

    /// Of all streams together.
    package var total: Int?
    /// Of the streams of one host together.
    package var perHost: Int?
    package var perStream: Int?
    /// Of the streams of one output together, by its name.
    package var perOutput: [String: Int] = [:]
    /// How much of an unused rate can be saved up.
    package var burst: Duration = .seconds(1)

    package init(total: Int? = nil) { self.total = total }

    var isLimiting: Bool { total != nil || perHost != nil || perStream != nil || !perOutput.isEmpty }

    /// What a stream of this output should read at once, at most, in bytes: what its rate brings in a twentieth of a second,
    /// as a power of two.
    func batchBytesMax(output: String) -> Int {
        let rates = [total, perHost, perStream, perOutput[output]].compactMap { $0 }
        guard let rate = rates.min() else { return Self.batchBytes.upperBound }
        let bytes = max(Self.batchBytes.lowerBound, min(rate / 20, Self.batchBytes.upperBound))
        return 1 << (Int.bitWidth - 1 - bytes.leadingZeroBitCount)
    }

    static let batchBytes = 2_048...262_144
}

/// What a stream can be held up by.
package enum RateScope: String, Sendable, CaseIterable {
    // The order in which a stream passes them: who can't go on for its own limit stands in nobody's way.
    case stream, host, output, total
}
