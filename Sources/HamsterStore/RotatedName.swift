internal import Glibc
internal import HamsterCore

/// The name of a file that was put aside: the output's own name with a number or a date behind it.
struct RotatedName: Sendable, Hashable {
    enum Label: Sendable, Hashable {
        /// 1 is the youngest.
        case number(Int)
        /// As in `20240131T235959Z`, and a number from 2 on where several are of one second.
        case date(String, sequence: Int)

        /// What stands behind the output's name.
        var text: String {
            switch self {
            case .number(let number): ".\(number)"
            case .date(let stamp, let sequence): sequence == 1 ? "-\(stamp)" : "-\(stamp)-\(sequence)"
            }
        }

        var isNumber: Bool { if case .number = self { true } else { false } }
    }

    static let compressedSuffix = Array(".gz".utf8)
    /// Of the one file that is being compressed, while it isn't whole.
    static let unfinishedSuffix = Array(".gz.part".utf8)
    /// A larger number is no name of ours.
    static let numberMax = 999_999

    var label: Label
    var isCompressed: Bool

    /// The whole name, for an output with the name `base`.
    func bytes(of base: [UInt8]) -> [UInt8] {
        base + Array(label.text.utf8) + (isCompressed ? Self.compressedSuffix : [])
    }
}

extension RotatedName {
    /// Nil: `name` is not that of a file that was put aside for the output `base`.
    init?(_ name: [UInt8], of base: [UInt8]) {
        guard name.count > base.count, name.starts(with: base), let parsed = Self.parse(name), parsed.base == base
        else {
            return nil
        }
        self = parsed.name
    }

    /// The name of the output for which a rotation may make a file with this name, be it only for a while; nil: none.
    static func base(of name: [UInt8]) -> [UInt8]? {
        if name.hasSuffix(unfinishedSuffix) { return name.dropLast(unfinishedSuffix.count) }
        return parse(name)?.base
    }

    private static func parse(_ name: [UInt8]) -> (base: [UInt8], name: RotatedName)? {
        let isCompressed = name.hasSuffix(compressedSuffix)
        let plain: [UInt8] = isCompressed ? name.dropLast(compressedSuffix.count) : name
        guard let (base, label) = number(plain) ?? date(plain), !base.isEmpty else { return nil }
        return (base, RotatedName(label: label, isCompressed: isCompressed))
    }

    private static func number(_ name: [UInt8]) -> (base: [UInt8], label: Label)? {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), let number = positive(name[(dot + 1)...]) else {
            return nil
        }
        return (Array(name[..<dot]), .number(number))
    }

    private static func date(_ name: [UInt8]) -> (base: [UInt8], label: Label)? {
        let dash = UInt8(ascii: "-")
        guard let last = name.lastIndex(of: dash) else { return nil }
        if isStamp(name[(last + 1)...]) {
            return (Array(name[..<last]), .date(String(decoding: name[(last + 1)...], as: UTF8.self), sequence: 1))
        }
        guard let sequence = positive(name[(last + 1)...]), sequence > 1,
            let first = name[..<last].lastIndex(of: dash), isStamp(name[(first + 1)..<last])
        else { return nil }
        let stamp = String(decoding: name[(first + 1)..<last], as: UTF8.self)
        return (Array(name[..<first]), .date(stamp, sequence: sequence))
    }

    /// A number without leading zeros.
    private static func positive(_ digits: ArraySlice<UInt8>) -> Int? {
        guard let first = digits.first, first != UInt8(ascii: "0"), digits.allSatisfy(isDigit), digits.count <= 6 else {
            return nil
        }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func isStamp(_ text: ArraySlice<UInt8>) -> Bool {
        text.count == 16 && text.prefix(8).allSatisfy(isDigit) && text.dropFirst(8).first == UInt8(ascii: "T")
            && text.dropFirst(9).prefix(6).allSatisfy(isDigit) && text.last == UInt8(ascii: "Z")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

extension RotatedName.Label {
    /// By the time of a rotation, in Unix seconds.
    static func date(at time: Int64) -> Self { .date(stamp(time), sequence: 1) }

    /// Behind this one in the same second.
    var next: Self {
        switch self {
        case .number(let number): .number(number + 1)
        case .date(let stamp, let sequence): .date(stamp, sequence: sequence + 1)
        }
    }

    /// Whether this one was put aside before the other. Of two ways to name them, what has not `names` is the older one.
    func isOlder(than other: Self, _ names: RotationPolicy.Names) -> Bool {
        switch (self, other) {
        case (.number(let left), .number(let right)): left > right
        case (.date(let left, let leftSequence), .date(let right, let rightSequence)):
            (left, leftSequence) < (right, rightSequence)
        case (.number, .date): names == .dated
        case (.date, .number): names == .numbered
        }
    }

    /// ISO 8601 in its basic form, UTC.
    private static func stamp(_ time: Int64) -> String {
        var seconds = time_t(time)
        var date = unsafe tm()
        unsafe gmtime_r(&seconds, &date)
        let digits = { (value: Int32) in value < 10 ? "0\(value)" : "\(value)" }
        let day = unsafe "\(date.tm_year + 1_900)\(digits(date.tm_mon + 1))\(digits(date.tm_mday))"
        return unsafe "\(day)T\(digits(date.tm_hour))\(digits(date.tm_min))\(digits(date.tm_sec))Z"
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ suffix: [UInt8]) -> Bool {
        count > suffix.count && self[(count - suffix.count)...] == suffix[...]
    }
}
