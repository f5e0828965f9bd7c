/// How old the oldest byte of a file is that is not acknowledged, from looks at the file at any times.
///
/// What is behind a mark was written after the mark's time; so the age is never said to be less than it was by more than the
/// time between two looks.
struct LagMarks {
    /// More are thinned out: an age of hours need not be exact to the second.
    static let marksMax = 32

    private struct Mark {
        var offset: UInt64
        /// Unix seconds.
        var time: Int64
    }

    private var marks: [Mark] = []

    /// A look at the file. `modified` is when it was last written to; times are in Unix seconds. Returns the age in seconds.
    mutating func look(size: UInt64, acknowledged: UInt64, modified: Int64, now: Int64) -> Int64 {
        guard size > acknowledged else {
            marks = [Mark(offset: size, time: now)]
            return 0
        }
        while marks.count > 1, marks[1].offset <= acknowledged { marks.removeFirst() }
        // The first look, or other content: nothing older than the file's last byte is known for sure.
        if marks.isEmpty || marks[0].offset > acknowledged {
            marks = [Mark(offset: acknowledged, time: min(modified, now))]
        }
        if let last = marks.last, size > last.offset { marks.append(Mark(offset: size, time: now)) }
        if marks.count > Self.marksMax { thinOut() }
        return max(0, now - marks[0].time)
    }

    /// Keeps the first, which is what counts now, and the last.
    private mutating func thinOut() {
        let last = marks.count - 1
        marks = marks.enumerated().filter { $0.offset % 2 == 0 || $0.offset == last }.map(\.element)
    }
}
