package import HamsterCore

/// What is known of a stream when its output is looked for: what the client says, and what its certificate proves.
package struct StreamFacts: Sendable, Hashable {
    package var source: StreamSource
    /// The client's input name; empty where none was sent.
    package var service: String
    /// What else the client says, by key.
    package var metadata: [String: String]
    /// The DNS names of the client's certificate, in its order; empty where it has shown none.
    package var certificateNames: [String]
    /// The server's name for the connection.
    package var streamID: String
    /// The day in UTC, as `2024-01-31`.
    package var date: String

    package init(
        source: StreamSource, service: String = "", metadata: [String: String] = [:],
        certificateNames: [String] = [], streamID: String = "", date: String = ""
    ) {
        self.source = source
        self.service = service
        self.metadata = metadata
        self.certificateNames = certificateNames
        self.streamID = streamID
        self.date = date
    }
}
