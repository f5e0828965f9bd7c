/// The names that rotation gives to files: `app.log.1`, `app.log-20240101`, `app-20240101.log`, `app.log.old`.
package enum RotatedName {
    private static let compressedExtensions = ["gz", "bz2", "xz", "zst", "lz4", "Z", "lzma", "zip", "lzo", "br"]
    private static let oldExtensions = ["old", "bak"]
    /// `.1` to `.99999`: longer numbers are process numbers or times.
    private static let numberDigitsMax = 5

    /// The name that a file had before its rotation, as its present name tells it; nil where it tells nothing, or where
    /// the file was compressed: its bytes are not those that were written.
    package static func base(of name: [UInt8]) -> [UInt8]? {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return withoutDate(name) }
        let suffix = String(decoding: name[(dot + 1)...], as: UTF8.self)
        if compressedExtensions.contains(suffix) { return nil }
        let stem = Array(name[..<dot])
        if oldExtensions.contains(suffix) || isNumber(name[(dot + 1)...]) { return stem }
        if let base = withoutDate(name) { return base }
        // logrotate(8)'s `extension` and many libraries put the number or the date before the extension.
        guard let shorter = withoutNumber(stem) ?? withoutDate(stem) else { return nil }
        return shorter + name[dot...]
    }

    private static func isNumber(_ digits: some Collection<UInt8>) -> Bool {
        (1...numberDigitsMax).contains(digits.count) && digits.allSatisfy(isDigit)
    }

    private static func withoutNumber(_ stem: [UInt8]) -> [UInt8]? {
        guard let dot = stem.lastIndex(of: UInt8(ascii: ".")), dot > 0, isNumber(stem[(dot + 1)...]) else { return nil }
        return Array(stem[..<dot])
    }

    /// Cuts off `-20240101`, `-2024-01-01`, `.2024-01-01_13`, `-20240101-1704067200`, `-1704067200`.
    private static func withoutDate(_ name: [UInt8]) -> [UInt8]? {
        let end = name.reversed().prefix { isDigit($0) || isJoint($0) }.count
        var date = name.suffix(end)
        // The date begins behind a joint; digits before the first one belong to the name.
        while let first = date.first, !isJoint(first) { date = date.dropFirst() }
        while let first = date.first, isJoint(first), date.dropFirst().first.map(isJoint) ?? true {
            date = date.dropFirst()
        }
        guard date.startIndex > 0, isDate(date.dropFirst()) else { return nil }
        return Array(name[..<date.startIndex])
    }

    private static func isDate(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.last.map(isDigit) ?? false else { return false }
        let digits = text.filter(isDigit).map { Int($0 - UInt8(ascii: "0")) }
        if digits.count == 10, digits.count == text.count { return digits[0] > 0 }
        guard digits.count >= 8 else { return false }
        let number = { (range: Range<Int>) in digits[range].reduce(0) { $0 * 10 + $1 } }
        return (1_970...2_999).contains(number(0..<4)) && (1...12).contains(number(4..<6))
            && (1...31).contains(number(6..<8))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isJoint(_ byte: UInt8) -> Bool {
        [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "T"), UInt8(ascii: ":")].contains(byte)
    }
}
