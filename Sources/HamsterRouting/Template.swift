internal import HamsterCore

/// Text with fields in braces, as in `{host}/nginx/{basename}`.
package struct Template: Sendable, Hashable, CustomStringConvertible {
    /// What stands for a field of which a stream has no value.
    static let missing = Array("_".utf8)

    package enum Field: Sendable, Hashable {
        case host
        case path
        case basename
        case dirname
        case service
        case metadata(String)
        case certificate
        case date
        case stream

        private static let named: [String: Field] = [
            "host": .host, "path": .path, "basename": .basename, "dirname": .dirname, "svc": .service,
            "certificate": .certificate, "date": .date, "stream": .stream,
        ]

        fileprivate init(_ name: String) throws(TemplateError) {
            if let field = Self.named[name] {
                self = field
            } else if name.hasPrefix("meta."), name.utf8.count > "meta.".utf8.count {
                self = .metadata(String(name.dropFirst("meta.".count)))
            } else {
                throw TemplateError(
                    "unknown field '{\(name)}' (known: {\(Self.named.keys.sorted().joined(separator: "}, {"))}, {meta.KEY})"
                )
            }
        }
    }

    enum Piece: Sendable, Hashable {
        case literal([UInt8])
        case field(Field)
    }

    package let text: String
    let pieces: [Piece]

    /// Throws where a field is unknown or a brace has no partner.
    package init(_ text: String) throws(TemplateError) {
        self.text = text
        var pieces: [Piece] = []
        var rest = Substring(text)
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[brace] == "{" else { throw TemplateError("'}' without '{'") }
            if brace > rest.startIndex { pieces.append(.literal(Array(rest[..<brace].utf8))) }
            rest = rest[rest.index(after: brace)...]
            guard let end = rest.firstIndex(of: "}") else { throw TemplateError("'{' without '}'") }
            pieces.append(.field(try Field(String(rest[..<end]))))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { pieces.append(.literal(Array(rest.utf8))) }
        self.pieces = pieces
    }

    package var description: String { text }

    /// The fields in it.
    package var fields: Set<Field> {
        Set(
            pieces.compactMap { piece in
                if case .field(let field) = piece { field } else { nil }
            })
    }
}

extension Template.Field {
    /// A stream's value; empty where it has none.
    func value(_ facts: StreamFacts) -> [UInt8] {
        switch self {
        case .host: Array(facts.source.host.utf8)
        case .path: facts.source.path.bytes
        case .basename: facts.source.path.name
        case .dirname: facts.source.path.directory.bytes
        case .service: Array(facts.service.utf8)
        case .metadata(let key): Array((facts.metadata[key] ?? "").utf8)
        case .certificate: Array((facts.certificateNames.first ?? "").utf8)
        case .date: Array(facts.date.utf8)
        case .stream: Array(facts.streamID.utf8)
        }
    }
}

/// What is wrong with a template, or with what one has made of a stream's values.
package struct TemplateError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
