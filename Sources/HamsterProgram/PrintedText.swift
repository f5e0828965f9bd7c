/// Text as a terminal shows it: in columns, of which some characters take two.
enum PrintedText {
    private static let ellipsis = "…"

    /// The columns that a printable text takes.
    static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    /// The text in so many columns at most, with an ellipsis in place of its end.
    static func cuttingEnd(_ text: String, to width: Int) -> String {
        guard self.width(text) > width else { return text }
        return width < 1 ? "" : prefix(text, width - 1) + ellipsis
    }

    /// The text in so many columns at most, with an ellipsis in place of its middle: of a path the last names matter most,
    /// then the first.
    static func cuttingMiddle(_ text: String, to width: Int) -> String {
        guard self.width(text) > width else { return text }
        guard width >= 3 else { return cuttingEnd(text, to: width) }
        let head = (width - 1) / 3
        let end = String(prefix(String(text.reversed()), width - 1 - head).reversed())
        return prefix(text, head) + ellipsis + end
    }

    private static func prefix(_ text: String, _ width: Int) -> String {
        var left = width
        return String(
            text.prefix { character in
                left -= self.width(character)
                return left >= 0
            })
    }

    private static func width(_ character: Character) -> Int {
        // An emoji of several scalars is drawn as the first; combining marks take no column of their own.
        guard let first = character.unicodeScalars.first else { return 0 }
        return isWide(first) || character.unicodeScalars.contains("\u{FE0F}") ? 2 : 1
    }

    /// The blocks of which most characters are wide or full-width (Unicode Standard Annex 11).
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
