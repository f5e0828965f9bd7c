/// Sizes and durations as they are written: `"64 KiB"`, `"200ms"`.
package enum Quantity {
    private static let sizeUnits: [(String, Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000),
        ("KB", 1_000), ("B", 1), ("", 1),
    ]
    private static let durationUnits: [(String, Int)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// In bytes; nil where the text is no size.
    static func size(_ text: String) -> Int? { parse(text, sizeUnits) }

    /// In bytes a second, as in `"10 MiB/s"`; nil where the text is no rate.
    static func rate(_ text: String) -> Int? { text.hasSuffix("/s") ? size(String(text.dropLast(2))) : nil }

    /// Nil where the text is no duration.
    package static func duration(_ text: String) -> Duration? { parse(text, durationUnits).map { .milliseconds($0) } }

    /// The shortest text that means the same.
    static func text(size: Int) -> String {
        for (unit, factor) in sizeUnits.prefix(3) where size >= factor && size.isMultiple(of: factor) {
            return "\(size / factor) \(unit)"
        }
        return "\(size) B"
    }

    static func text(duration: Duration) -> String {
        let milliseconds =
            Int(duration.components.seconds) * 1_000 + Int(duration.components.attoseconds / 1_000_000_000_000_000)
        for (unit, factor) in durationUnits.reversed()
        where milliseconds >= factor && milliseconds.isMultiple(of: factor) {
            return "\(milliseconds / factor)\(unit)"
        }
        return "0s"
    }

    private static func parse(_ text: String, _ units: [(String, Int)]) -> Int? {
        let digits = text.prefix(while: { $0.isASCII && $0.isNumber })
        let unit = text.dropFirst(digits.count).drop(while: { $0 == " " })
        guard let number = Int(digits), let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}
