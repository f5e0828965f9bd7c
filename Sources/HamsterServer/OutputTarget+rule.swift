internal import HamsterRouting
internal import HamsterStore

extension OutputTarget {
    /// The file that a rule names, as the store opens it.
    init(_ rule: OutputRule) {
        let location: OutputTarget.Location =
            switch rule.destination {
            case .beneath(let components): .beneath(components: components)
            case .absolute(let path): .absolute(path)
            }
        let framing: OutputTarget.Framing =
            switch rule.framing {
            case .bytes: .bytes
            case .lines: .lines
            }
        self.init(
            location: location, framing: framing, mode: rule.mode, owner: rule.owner?.user, group: rule.owner?.group)
    }
}
