package import HamsterCore

/// The `path` of an output. Whatever a stream's values hold, the path keeps the depth that the template gives it, and
/// leads nowhere else: only `{path}` and `{dirname}` bring directories, those of the source.
package struct PathTemplate: Sendable, Hashable, CustomStringConvertible {
    /// As many as an `INIT` may bring, and some that the operator has chosen (a directory is made for each).
    private static let componentsMax = 80
    /// NAME_MAX of Linux's file systems, in bytes.
    private static let componentBytesMax = 255

    private enum Place: Sendable, Hashable {
        case directory
        case absolute
    }

    private let place: Place
    private let components: [Template]
    package let text: String

    /// Throws where a field is unknown, and where the path has an empty part, `.` or `..`.
    package init(_ text: String) throws(TemplateError) {
        self.text = text
        place = text.hasPrefix("/") ? .absolute : .directory
        // No field's name has a separator.
        let parts = text.dropFirst(place == .absolute ? 1 : 0).split(separator: "/", omittingEmptySubsequences: false)
        // Read as a whole first: a brace without a partner is that, and no unknown field.
        _ = try Template(text)
        var components: [Template] = []
        for part in parts { components.append(try Self.component(String(part))) }
        self.components = components
    }

    private static func component(_ text: String) throws(TemplateError) -> Template {
        guard !text.isEmpty, text != ".", text != "..", !text.utf8.contains(0) else {
            throw TemplateError("expected a path without '.', '..' and empty parts")
        }
        let template = try Template(text)
        for (index, piece) in template.pieces.enumerated() {
            switch piece {
            case .field(.path) where index > 0:
                throw TemplateError("'{path}' brings directories, and has to stand behind a '/'")
            case .field(.dirname) where template.pieces.count > 1:
                throw TemplateError("'{dirname}' brings directories, and has to stand between two '/'")
            case .field, .literal: break
            }
        }
        return template
    }

    package var description: String { text }

    /// Without fields: one file for all streams.
    package var isFixed: Bool { components.allSatisfy { $0.fields.isEmpty } }

    /// Whether each source has a file of its own, whatever its values. Values that share a part of the path don't tell where
    /// one ends: `{host}-{svc}` is the same for `web` with `1-a`, and `web-1` with `a`.
    package var isOfOneSource: Bool {
        let alone = Set(components.compactMap { $0.pieces.count == 1 ? $0.pieces.first : nil })
        return components.contains { $0.fields.contains(.stream) }
            || alone.isSuperset(of: [.field(.host), .field(.path)])
            || alone.isSuperset(of: [.field(.host), .field(.dirname), .field(.basename)])
    }

    /// Whether a stream's values alone name the first folder below `directory`: they could name another host's.
    package func letsClientsChooseFolder(below directory: SourcePath) -> Bool {
        let depth = place == .absolute ? directory.components.count : 0
        guard depth < components.count, !components[depth].fields.isEmpty else { return false }
        return components[depth].pieces != [.field(.host)] && components[depth].pieces != [.field(.certificate)]
    }

    /// The leading directories that have no fields, of a path that begins with '/'.
    package var fixedDirectory: SourcePath? {
        guard place == .absolute else { return nil }
        let fixed = components.dropLast().prefix { $0.fields.isEmpty }
        return SourcePath("/" + fixed.map(\.text).joined(separator: "/"))
    }

    /// The file of a stream. Throws where its name would be longer, or lie deeper, than a file system allows.
    package func destination(for facts: StreamFacts) throws(TemplateError) -> Destination {
        var path: [[UInt8]] = []
        for component in components { path += Self.render(component, facts) }
        guard path.count <= Self.componentsMax, path.allSatisfy({ $0.count <= Self.componentBytesMax }) else {
            throw TemplateError("the output's path would be too long")
        }
        switch place {
        case .directory: return .beneath(path)
        case .absolute: return .absolute(SourcePath(bytes: path.flatMap { [UInt8(ascii: "/")] + $0 }))
        }
    }

    /// One component, or those that a source's path brings.
    private static func render(_ component: Template, _ facts: StreamFacts) -> [[UInt8]] {
        var directories: [[UInt8]] = []
        var last: [UInt8] = []
        for piece in component.pieces {
            switch piece {
            case .literal(let bytes): last += bytes
            case .field(let field) where field == .path || field == .dirname:
                let path = field == .path ? facts.source.path : facts.source.path.directory
                directories = path.components.filter { !$0.isEmpty }.map { Array($0) }
                if field == .dirname { return directories }
                last = directories.popLast() ?? Template.missing
            case .field(let field): last += single(field.value(facts))
            }
        }
        let isSafe = component.fields.isEmpty || component.pieces.first == .field(.path)
        return directories + [isSafe ? last : disarmed(last)]
    }

    /// A value without separators and control bytes, and still another one for another value.
    private static func single(_ value: [UInt8]) -> [UInt8] {
        guard !value.isEmpty else { return Template.missing }
        return value.flatMap { byte in
            let isPlain = byte > 0x1F && byte != 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "%")
            return isPlain ? [byte] : escaped(byte)
        }
    }

    /// What is no name of another place, and no option to a command.
    private static func disarmed(_ name: [UInt8]) -> [UInt8] {
        let isElsewhere = name == Array(".".utf8) || name == Array("..".utf8)
        guard let first = name.first, isElsewhere || first == UInt8(ascii: "-") else { return name }
        return escaped(first) + name.dropFirst()
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
    }
}
