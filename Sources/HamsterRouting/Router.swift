package import HamsterCore

/// Which output takes a stream: a pure function of the rules and of what is known of the stream.
package struct Router: Sendable {
    /// Where a stream goes.
    package struct Route: Sendable, Hashable {
        /// The output's name.
        package var output: String
        package var destination: Destination
        package var framing: OutputFraming
        /// What stands before each line.
        package var prefix: [UInt8] = []
        package var mode: UInt32 = 0o640
        package var owner: FileOwner?
        /// Nil: the file is never put aside.
        package var rotation: RotationPolicy?

        /// Whether a stream that has this route is where the other one leads. A file may be put aside in another way
        /// without its streams having to go.
        package func leadsWhere(_ other: Self) -> Bool {
            var other = other
            other.rotation = rotation
            return self == other
        }
    }

    package enum Decision: Sendable, Hashable {
        case write(Route)
        /// The output of this name refuses the stream.
        case denied(output: String)
        /// The output of this name takes the stream, and its path can't be made of the stream's values.
        case impossible(output: String, TemplateError)
        /// No output takes the stream.
        case none
    }

    /// The name of the fallback in logs and metrics.
    package static let fallbackName = "_fallback"

    /// In the order in which they are tried.
    package let rules: [OutputRule]
    package let hasFallback: Bool
    private var sieve = MatchSieve()
    private var byService: [String: Int] = [:]
    private var byPath: [SourcePath: Int] = [:]

    /// What streams may be written to, in the order in which it is tried.
    package var outputNames: [String] {
        rules.filter { if case .write = $0.action { true } else { false } }.map(\.name)
            + (hasFallback ? [Self.fallbackName] : [])
    }

    /// With `hasFallback` a stream that no rule takes goes to `{host}/{path}`.
    package init(rules: [OutputRule], hasFallback: Bool) {
        self.rules = rules.sorted { ($1.priority, $0.name) < ($0.priority, $1.name) }
        self.hasFallback = hasFallback
        for (index, rule) in self.rules.enumerated() {
            if let match = rule.match {
                sieve.add(match, rule: index)
            } else {
                byService[rule.name] = index
                if let path = rule.fixedPath, byPath[path] == nil { byPath[path] = index }
            }
        }
    }

    /// Where the stream goes. Takes microseconds, however many rules there are.
    package func route(_ facts: StreamFacts) -> Decision {
        let values = StreamValues(facts)
        let matching = sieve.first(values) { rules[$0].match?.obstacle(values) == nil }
        let named = [matching, byService[facts.service], byPath[facts.source.path]].compactMap { $0 }.min()
        guard let named else { return hasFallback ? fallback(facts.source) : .none }
        return decide(rules[named], facts)
    }

    private func decide(_ rule: OutputRule, _ facts: StreamFacts) -> Decision {
        switch rule.action {
        case .deny: return .denied(output: rule.name)
        case .write(let output):
            do throws(TemplateError) {
                return .write(
                    Route(
                        output: rule.name, destination: try output.path.destination(for: facts),
                        framing: output.framing, prefix: output.prefix?.bytes(for: facts) ?? [], mode: output.mode,
                        owner: output.owner, rotation: output.rotation))
            } catch {
                return .impossible(output: rule.name, error)
            }
        }
    }

    private func fallback(_ source: StreamSource) -> Decision {
        let components = [Array(source.host.utf8)] + source.path.components.map(Array.init)
        return .write(Route(output: Self.fallbackName, destination: .beneath(components), framing: .bytes))
    }
}

// MARK: - Explaining

extension Router {
    /// What one rule said to a stream.
    package struct Trial: Sendable, Hashable {
        package var output: String
        /// Why the rule does not take the stream; nil: it does.
        package var obstacle: String?
    }

    /// The rules in the order in which they are tried, up to the one that takes the stream: tried one by one.
    package func trials(_ facts: StreamFacts) -> [Trial] {
        var trials: [Trial] = []
        for rule in rules {
            let obstacle = obstacle(rule, facts)
            trials.append(Trial(output: rule.name, obstacle: obstacle))
            if obstacle == nil { break }
        }
        return trials
    }

    private func obstacle(_ rule: OutputRule, _ facts: StreamFacts) -> String? {
        let values = StreamValues(facts)
        guard let match = rule.match else {
            if rule.name == facts.service || rule.fixedPath == facts.source.path { return nil }
            return "has no match, and neither its name is the stream's svc nor its path the stream's"
        }
        guard let condition = match.obstacle(values) else { return nil }
        let found = values.values(of: condition.subject).map { "'\(printable($0))'" }
        let patterns = condition.patterns.map { "'\(printable($0.pattern.utf8))'" }.joined(separator: " or ")
        guard !found.isEmpty else { return "has no \(condition.subject), which had to be \(patterns)" }
        return "\(condition.subject) is \(found.joined(separator: ", ")), not \(patterns)"
    }
}
