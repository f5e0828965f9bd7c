package import HamsterMetrics
package import HamsterServer

/// What `loghamsterd` runs with.
package struct ServerSettings: Sendable {
    package var log: LogSettings
    package var server: ServerConfiguration
    /// Nil: nobody is offered metrics.
    package var metrics: MetricsConfiguration?
    /// The configuration in effect, as TOML with every default.
    package var text: String
    /// Settings that are allowed and unwise, a sentence each.
    package var warnings: [String]

    /// The keys whose values differ and can't be changed while the program runs.
    package func keysThatNeedRestart(for other: Self) -> [String] {
        server.keysThatNeedRestart(for: other.server)
            + MetricsConfiguration.keysThatNeedRestart(from: metrics, to: other.metrics)
            + (log == other.log ? [] : ["log"])
    }

    /// The files of certificates, keys and revocations.
    package var credentials: [String] { server.credentials + (metrics?.credentials ?? []) }
}

/// Values that the command line or the environment puts over the file's; nil: not given.
package struct ServerOverrides: Sendable {
    /// Each with the option or variable that it came from.
    package var values: [(key: [String], value: String, source: String)] = []

    package init() {}
}
