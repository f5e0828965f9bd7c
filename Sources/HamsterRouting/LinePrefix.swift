internal import HamsterCore

/// The `prefix` of an output of lines: what stands before each line of a stream.
package struct LinePrefix: Sendable, Hashable, CustomStringConvertible {
    /// In bytes: a client that chooses a value must not multiply what is written by it.
    private static let bytesMax = 256

    private let template: Template

    /// Throws where a field is unknown, and where the text would end lines itself.
    package init(_ text: String) throws(TemplateError) {
        guard !text.utf8.contains(UInt8(ascii: "\n")) else { throw TemplateError("a prefix can't hold a line's end") }
        template = try Template(text)
    }

    package var description: String { template.text }

    /// The prefix of a stream's lines, cut after 256 bytes. Control bytes in its values are `?`: they would forge lines, or
    /// steer terminals.
    package func bytes(for facts: StreamFacts) -> [UInt8] {
        let bytes = template.pieces.flatMap { piece -> [UInt8] in
            switch piece {
            case .literal(let bytes): return bytes
            case .field(let field):
                let value = field.value(facts)
                guard !value.isEmpty else { return Template.missing }
                return value.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
            }
        }
        return Array(bytes.prefix(Self.bytesMax))
    }
}
