package import HamsterCore

/// The `match` of an output: every condition that is there has to hold. Host and certificate names compare without regard
/// to case (RFC 4343), the rest byte by byte.
package struct StreamMatch: Sendable, Hashable {
    /// What a condition looks at.
    package enum Subject: Sendable, Hashable, CustomStringConvertible {
        case host
        case path
        case service
        case metadata(String)
        /// Any DNS name of the client's certificate.
        case certificate

        package var description: String {
            switch self {
            case .host: "host"
            case .path: "path"
            case .service: "svc"
            case .metadata(let key): "meta.\(key)"
            case .certificate: "certificate"
            }
        }
    }

    /// One subject, and the patterns of which one has to match it.
    package struct Condition: Sendable, Hashable {
        package let subject: Subject
        package let patterns: [Glob]

        /// Nil where a pattern is none: a `[` that is not closed, or a range that runs backwards.
        package init?(_ subject: Subject, _ patterns: [String]) {
            self.subject = subject
            var globs: [Glob] = []
            for pattern in patterns {
                let ignoresCase = subject == .host || subject == .certificate
                guard let glob = Glob(ignoresCase ? pattern.lowercased() : pattern) else { return nil }
                globs.append(glob)
            }
            self.patterns = globs
        }

        func holds(for values: [[UInt8]]) -> Bool {
            values.contains { value in patterns.contains { $0.matches(value) } }
        }
    }

    package let conditions: [Condition]

    /// At least one condition: what takes everything says so, as in `path = "**"`.
    package init(_ conditions: [Condition]) {
        precondition(!conditions.isEmpty, "an output without conditions has no match")
        self.conditions = conditions
    }

    /// The first condition that does not hold; nil: the match takes the stream.
    func obstacle(_ values: StreamValues) -> Condition? {
        conditions.first { !$0.holds(for: values.values(of: $0.subject)) }
    }
}

/// A stream's facts in the form in which they are compared.
struct StreamValues {
    let host: [UInt8]
    let path: [UInt8]
    let service: [UInt8]
    private let metadata: [String: String]
    private let certificates: [[UInt8]]

    init(_ facts: StreamFacts) {
        host = Array(facts.source.host.lowercased().utf8)
        path = facts.source.path.bytes
        service = Array(facts.service.utf8)
        metadata = facts.metadata
        certificates = facts.certificateNames.map { Array($0.lowercased().utf8) }
    }

    /// None, one, or where a certificate has several names, several.
    func values(of subject: StreamMatch.Subject) -> [[UInt8]] {
        switch subject {
        case .host: [host]
        case .path: [path]
        case .service: [service]
        case .metadata(let key): metadata[key].map { [Array($0.utf8)] } ?? []
        case .certificate: certificates
        }
    }
}
