/// How a report is laid out: for somebody at a terminal, or for programs, which get each value whole and in its place.
package struct Presentation: Sendable, Hashable {
    /// Columns of the terminal: no line is longer. Nil: lines are as long as they have to be.
    package var width: Int?
    /// Whether styles are shown, as escape sequences.
    package var hasStyles: Bool
    /// Whether sizes get units, and columns that say nothing are left out.
    package var isForPeople: Bool

    /// What goes into a file or a pipe: the same whatever terminal there is.
    package static let plain = Presentation(width: nil, hasStyles: false, isForPeople: false)

    package static func terminal(width: Int, hasStyles: Bool) -> Presentation {
        Presentation(width: width, hasStyles: hasStyles, isForPeople: true)
    }

    /// A number of bytes: exact for programs.
    package func size(_ bytes: Int) -> String { isForPeople ? ByteSize.text(bytes) : "\(bytes)" }

    /// The text in its style, where styles are shown. The text has to be printable.
    func styled(_ text: String, _ style: TextStyle) -> String {
        guard hasStyles, !text.isEmpty, let code = style.code else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}

/// What a piece of text means to the reader's eye.
package enum TextStyle: Sendable, Hashable {
    case plain
    /// The head of a column, or the name of a number.
    case heading
    /// Something has failed, or will.
    case error
    /// Something to look at.
    case warning
    /// It works.
    case good

    /// Of SGR (ECMA-48, section 8.3.117): the terminal's own colours, so that they can be read on each background.
    fileprivate var code: String? {
        switch self {
        case .plain: nil
        case .heading: "1"
        case .error: "31"
        case .warning: "33"
        case .good: "32"
        }
    }
}

/// Numbers of bytes for people.
package enum ByteSize {
    /// To a tenth of the largest unit that fits: `97.7 KiB`.
    package static func text(_ bytes: some BinaryInteger) -> String {
        let bytes = UInt64(clamping: bytes)
        let units: [(String, UInt64)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for (unit, factor) in units where bytes >= factor {
            // Whole units and the rest apart: ten times the largest number would not fit.
            let tenths = (bytes % factor * 10 + factor / 2) / factor
            return "\(bytes / factor + tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) B"
    }
}
