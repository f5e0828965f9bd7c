import HamsterCore
import HamsterRouting

/// A router's decisions in words.
struct RoutingReport {
    private let router: Router
    private let directory: String

    /// `directory`: the base of relative outputs.
    init(_ router: Router, directory: String) {
        self.router = router
        self.directory = directory
    }

    func isTaken(_ facts: StreamFacts) -> Bool {
        if case .write = router.route(facts) { true } else { false }
    }

    /// One stream, its output and its file, or the reason why there is none, separated by tabs.
    func line(_ facts: StreamFacts) -> String {
        let (output, result) = decision(facts)
        return "\(printable(facts.source.description.utf8, charactersMax: 4_096))\t\(output ?? "-")\t\(result)"
    }

    /// Every rule that was tried, and what came of it.
    func explanation(_ facts: StreamFacts) -> String {
        var text = "stream  \(printable(facts.source.description.utf8, charactersMax: 4_096))\n"
        for trial in router.trials(facts) {
            guard let obstacle = trial.obstacle else { break }
            text += "tried   \(trial.output): \(obstacle)\n"
        }
        let (output, result) = decision(facts)
        text += "output  \(output ?? "none: \(result)")\n"
        if output != nil { text += "file    \(result)\n" }
        return text
    }

    private func decision(_ facts: StreamFacts) -> (output: String?, result: String) {
        switch router.route(facts) {
        case .write(let route): (route.output, "\(path(route.destination)) (\(route.framing))")
        case .denied(let output): (nil, "'\(output)' refuses this stream (403)")
        case .impossible(let output, let error): (nil, "'\(output)': \(error) (404)")
        case .none: (nil, "no rule takes it, and there is no fallback (404)")
        }
    }

    private func path(_ destination: Destination) -> String {
        switch destination {
        case .beneath(let components):
            ([directory] + components.map { printable($0, charactersMax: 255) }).joined(separator: "/")
        case .absolute(let path): printable(path.bytes, charactersMax: 4_096)
        }
    }
}
