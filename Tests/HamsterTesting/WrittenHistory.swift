/// What was written to one file between its creation or truncation and the next.
package final class WrittenContent {
    package private(set) var bytes: [UInt8] = []
    /// How many of the bytes were seen in the output.
    package fileprivate(set) var arrivedCount = 0
    /// No file that the client can find holds all of the bytes any more.
    private var isTakenAway = false

    /// How many of the bytes must arrive.
    package var dueCount: Int { isTakenAway ? arrivedCount : bytes.count }

    package func append(_ more: [UInt8]) { bytes += more }

    /// What has not arrived may be missing from now on.
    package func takeAway() { isTakenAway = true }
}

/// All that was written under one path, in order, held against an output: of each content it has all, or of one that was
/// taken away a beginning.
///
/// Each content must begin with a byte that is nowhere else.
package struct WrittenHistory {
    package enum Finding: Equatable {
        case complete
        /// Right so far.
        case incomplete
        /// More bytes will not mend it.
        case wrong(String)
    }

    private var contents: [WrittenContent] = []

    package init() {}

    package var summary: String {
        contents.map { "\($0.arrivedCount)/\($0.dueCount)/\($0.bytes.count)" }.joined(separator: " ")
    }

    package mutating func begin() -> WrittenContent {
        let content = WrittenContent()
        contents.append(content)
        return content
    }

    /// Holds an output against what was written, and remembers what has arrived.
    package func compare(_ output: [UInt8]) -> Finding {
        var end = 0
        var pending: Int?
        for (index, content) in contents.enumerated() {
            let count = commonCount(output[end...], content.bytes)
            if count > 0, let pending {
                return .wrong("content \(pending) is not whole, and \(index) begins at byte \(end)")
            }
            content.arrivedCount = max(content.arrivedCount, count)
            end += count
            if count < content.dueCount, pending == nil { pending = index }
        }
        guard end == output.count else {
            return .wrong("nobody wrote what is at byte \(end) of \(output.count): \(excerpt(output[end...]))")
        }
        return pending == nil ? .complete : .incomplete
    }

    private func commonCount(_ output: ArraySlice<UInt8>, _ bytes: [UInt8]) -> Int {
        var count = 0
        // In long steps first: a loop over single bytes takes seconds without optimization.
        let stride = 4_096
        while count + stride <= min(output.count, bytes.count),
            output.dropFirst(count).prefix(stride).elementsEqual(bytes[count..<count + stride])
        { count += stride }
        return count + zip(output.dropFirst(count), bytes[count...]).prefix { $0 == $1 }.count
    }

    private func excerpt(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes.prefix(100), as: UTF8.self) }
}
