package import HamsterCore

/// Which output takes a stream: a pure function of the rules and of what the client asked for.
package struct Router: Sendable {
    /// The name of the fallback in logs and metrics.
    package static let fallbackName = "_fallback"

    private let rules: [OutputRule]
    private let hasFallback: Bool

    /// Rules are tried in the order of their names. With `hasFallback` a stream that none takes goes to `{host}/{path}`.
    package init(rules: [OutputRule], hasFallback: Bool) {
        self.rules = rules.sorted { $0.name < $1.name }
        self.hasFallback = hasFallback
    }

    /// Nil where no output takes the stream.
    ///
    /// An output without `match` takes the streams whose service is its name, or whose source path is its path.
    package func route(_ source: StreamSource, service: String) -> OutputRule? {
        let rule = rules.first { rule in
            rule.name == service || rule.destination == .absolute(source.path)
        }
        return rule ?? (hasFallback ? fallback(for: source) : nil)
    }

    private func fallback(for source: StreamSource) -> OutputRule {
        let components = [Array(source.host.utf8)] + source.path.components.map(Array.init)
        return OutputRule(name: Self.fallbackName, destination: .beneath(components), framing: .bytes)
    }
}
