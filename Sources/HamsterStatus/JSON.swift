/// A JSON value. Its numbers are whole ones: no document of this project has others.
package enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case string(String)
    case array([JSON])
    /// In the order in which the members are written.
    case object([Member])

    /// One name and what it stands for.
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// Larger numbers become the largest that there is.
    package static func number(_ value: some BinaryInteger) -> JSON { .integer(Int(clamping: value)) }

    /// Null for nil.
    package static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

    /// The first member of this name; nil where there is none, or this is no object.
    package subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// Empty where this is no array.
    package var elements: [JSON] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// The value as somebody would read it in a table: `-` for null.
    package var text: String {
        switch self {
        case .null: "-"
        case .bool(let value): value ? "yes" : "no"
        case .integer(let value): String(value)
        case .string(let value): value
        case .array, .object: String(decoding: encoded, as: UTF8.self)
        }
    }

    /// One line, without an LF at its end.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    private func encode(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .string(let value): Self.encode(value, into: &bytes)
        case .array(let elements):
            Self.encode("[]", elements, into: &bytes) { element, bytes in element.encode(into: &bytes) }
        case .object(let members):
            Self.encode("{}", members, into: &bytes) { member, bytes in
                Self.encode(member.name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.encode(into: &bytes)
            }
        }
    }

    private static func encode<Element>(
        _ brackets: String, _ elements: [Element], into bytes: inout [UInt8],
        _ encode: (Element, inout [UInt8]) -> Void
    ) {
        bytes += brackets.utf8.prefix(1)
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            encode(element, &bytes)
        }
        bytes += brackets.utf8.suffix(1)
    }

    private static func encode(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": bytes += "\\\(scalar)".utf8
            case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: bytes += String(scalar).utf8
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
