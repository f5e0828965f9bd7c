package import HamsterClient
package import HamsterMetrics

/// What `loghamsterc` runs with.
package struct ClientSettings: Sendable {
    package var log: LogSettings
    package var stateDirectory: String
    package var client: ClientConfiguration
    /// Nil: nobody is offered metrics.
    package var metrics: MetricsConfiguration?
    /// The configuration in effect, as TOML with every default.
    package var text: String
    /// Settings that are allowed and unwise, a sentence each.
    package var warnings: [String]

    /// The keys whose values differ and can't be changed while the program runs.
    package func keysThatNeedRestart(for other: Self) -> [String] {
        client.keysThatNeedRestart(for: other.client)
            + MetricsConfiguration.keysThatNeedRestart(from: metrics, to: other.metrics)
            + (stateDirectory == other.stateDirectory ? [] : ["state"]) + (log == other.log ? [] : ["log"])
    }

    /// The files of certificates, keys and revocations.
    package var credentials: [String] { client.credentials + (metrics?.credentials ?? []) }
}

/// What the command line and the environment put over the file's values; nil: not given.
package struct ClientOverrides: Sendable {
    /// `HOST:PORT`.
    package var target: String?
    package var ca: String?
    package var certificate: String?
    package var key: String?
    package var state: String?
    package var isPlaintext = false
    package var isCompressed = false
    package var name: String?
    /// Files named on the command line, in place of the file's inputs; nil: the inputs.
    package var files: [String]?
    /// Whether the named files are sent once.
    package var isOnce = false
    /// Which option or variable each came from, by the property's name in the messages.
    package var sources: [String: String] = [:]

    package init() {}
}
