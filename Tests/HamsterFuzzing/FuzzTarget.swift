/// One place where bytes come in that others have made, and what has to hold there whatever they are.
///
/// A trap, a hang and an access out of bounds are found by whoever runs the target; everything else is for ``check(_:)``.
package protocol FuzzTarget: Sendable {
    /// Inputs that make sense, from which mutations begin.
    var seeds: [[UInt8]] { get }

    /// Hands the input in. Throws ``Violation`` where the property of the target does not hold, and nothing else: what the
    /// code says against the input is checked here. The same input must do the same each time.
    func check(_ input: [UInt8]) throws
}

/// A property that an input breaks.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Throws unless `condition` holds.
func demand(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    guard condition else { throw Violation(text()) }
}

/// Throws unless `text` can stand in a log: one line of bounded length, in which nothing steers a terminal.
func demandOneLine(_ text: String, bytesMax: Int = 2_000) throws {
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
    try demand(isPlain && !text.isEmpty, "not one line: \(text.debugDescription)")
    try demand(text.utf8.count <= bytesMax, "\(text.utf8.count) bytes in an error, which may have \(bytesMax)")
}

/// Throws unless `bytes` are one line of printable ASCII with an LF at its end.
func demandLine(_ bytes: [UInt8]) throws {
    let isLine = bytes.last == UInt8(ascii: "\n") && bytes.dropLast().allSatisfy { (0x20...0x7E).contains($0) }
    try demand(isLine, "not a line of the protocol: \(String(decoding: bytes, as: UTF8.self).debugDescription)")
}
