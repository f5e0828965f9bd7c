/// When an output's file is put aside for a new one, and what becomes of those that were.
package struct RotationPolicy: Sendable, Hashable {
    /// What a file is called that was put aside.
    package enum Names: Sendable, Hashable {
        /// `app.log.1` is the youngest; each rotation renames them all.
        case numbered
        /// `app.log-20240131T235959Z`, by the time of the rotation.
        case dated
    }

    /// A file of so many bytes is put aside, soon after it has got them; nil: however long it is.
    package var size: UInt64?
    /// Length in seconds of the periods since 1970 (UTC) of which each begins with a new file; nil: none does.
    package var every: Int64?
    /// So many files are kept, and older ones are removed; nil: all are kept.
    package var keep: Int?
    /// Whether files that were put aside become gzip files.
    package var isCompressing: Bool
    package var names: Names

    package init(
        size: UInt64? = nil, every: Int64? = nil, keep: Int? = nil, isCompressing: Bool = false,
        names: Names = .numbered
    ) {
        self.size = size
        self.every = every
        self.keep = keep
        self.isCompressing = isCompressing
        self.names = names
    }

    /// Whether a file with `length` bytes, the first of which came at `since`, is to be put aside at `now`. Times are Unix
    /// seconds. An empty file never is, nor one whose beginning nobody knows for its age.
    package func isDue(length: UInt64, since: Int64?, now: Int64) -> Bool {
        guard length > 0 else { return false }
        if let size, length >= size { return true }
        guard let since, let end = periodEnd(after: since) else { return false }
        return now >= end
    }

    /// When the period ends in which `time` is, in Unix seconds; nil where there are none.
    package func periodEnd(after time: Int64) -> Int64? {
        guard let every, every > 0 else { return nil }
        let (end, overflow) = (time - time.modulo(every)).addingReportingOverflow(every)
        return overflow ? nil : end
    }
}

extension Int64 {
    /// The remainder that is not negative.
    fileprivate func modulo(_ divisor: Self) -> Self {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
