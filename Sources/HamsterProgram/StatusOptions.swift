package import ArgumentParser

/// How `status` is asked for, in both programs.
package struct StatusOptions: ParsableArguments {
    @Flag(help: "Print the document as JSON.")
    package var json = false

    @Option(
        defaultAsFlag: WatchInterval(seconds: 2),
        help: ArgumentHelp(
            "Show it again and again until interrupted: each 2 seconds, or as often as said.", valueName: "seconds"))
    package var watch: WatchInterval?

    package init() {}

    package func validate() throws {
        guard let watch, watch.duration == nil else { return }
        throw ValidationError("--watch: expected 0.1 to 86400 seconds")
    }
}

/// How often something is shown. It takes any text: where the option's value is refused, ArgumentParser 1.8 takes the
/// option for one without a value.
package struct WatchInterval: ExpressibleByArgument, CustomStringConvertible, Sendable {
    private static let range = 0.1...86_400

    /// As it was written.
    package let description: String

    package init(argument: String) { description = argument }

    init(seconds: Int) { description = "\(seconds)" }

    /// Nil where the text is no number of seconds, or none of those that are allowed.
    package var duration: Duration? {
        Double(description).flatMap { Self.range.contains($0) ? .seconds($0) : nil }
    }
}
