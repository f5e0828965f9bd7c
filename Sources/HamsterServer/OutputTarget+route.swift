internal import HamsterCore
internal import HamsterRouting
internal import HamsterStore

extension OutputTarget {
    /// The file of a route, as the store opens it.
    init(_ route: Router.Route) {
        let location: OutputTarget.Location =
            switch route.destination {
            case .beneath(let components): .beneath(components: components)
            case .absolute(let path): .absolute(path)
            }
        let framing: OutputTarget.Framing =
            switch route.framing {
            case .bytes: .bytes
            case .lines: .lines
            }
        self.init(
            location: location, framing: framing, mode: route.mode, owner: route.owner?.user, group: route.owner?.group,
            rotation: route.rotation)
    }
}
