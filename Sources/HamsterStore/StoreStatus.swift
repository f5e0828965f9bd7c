package import HamsterCore

/// What a store has open, and how it fares.
package struct StoreStatus: Sendable {
    /// An output that is open, or that failed and was not written to successfully since.
    package struct Output: Sendable, Hashable {
        package var path: SourcePath
        /// In bytes; nil where the file is not open.
        package var length: UInt64?
        /// How much of it is committed; nil where the file is not open.
        package var committed: UInt64?
        /// Streams that write to it.
        package var streamCount: Int
        /// Of the last failure, until a commit succeeds.
        package var failure: StoreError?
    }

    /// Commits since the start.
    package struct Commits: Sendable, Hashable {
        package var count = 0
        package var failureCount = 0
        package var lastDuration: Duration = .zero
        /// Unix seconds; 0: none yet.
        package var lastAt: Int64 = 0
        /// Why the last one failed; nil where it did not.
        package var failure: StoreError?
    }

    /// By path.
    package var outputs: [Output]
    package var uncommittedBytes: Int
    package var commits: Commits
    /// Streams that the journal knows.
    package var streamsKnown: Int
    /// In bytes.
    package var journalSize: Int
}

/// Outputs that failed, until they are written to successfully again.
struct OutputFailures {
    struct Failure {
        var error: StoreError
        /// It could not even be opened: an opening that succeeds mends that.
        var isOfOpening: Bool
    }

    /// More than these are not remembered: a stranger may choose the names of outputs.
    static let failuresMax = 1_000

    private(set) var all: [OutputTarget.Location: Failure] = [:]

    mutating func note(_ error: StoreError, at location: OutputTarget.Location, isOfOpening: Bool = false) {
        guard all.count < Self.failuresMax || all[location] != nil else { return }
        all[location] = Failure(error: error, isOfOpening: isOfOpening)
    }

    mutating func opened(_ location: OutputTarget.Location) {
        if all[location]?.isOfOpening == true { all[location] = nil }
    }

    mutating func committed(_ location: OutputTarget.Location) { all[location] = nil }
}
