/// Every target, under the name by which `make fuzz` and the tests know it.
package enum FuzzTargets {
    package static let names = makers.keys.sorted()

    /// Makes a target, with the files that it needs. Nil: there is none of that name.
    package static func make(_ name: String) async throws -> (any FuzzTarget)? { try await makers[name]?() }

    private static let makers: [String: @Sendable () async throws -> any FuzzTarget] = [
        "client-configuration": { try ConfigurationTarget.client() },
        "client-lines": { ClientLinesTarget() },
        "enrollment": { try EnrollmentTarget() },
        "inflate": { InflateTarget() },
        "journal": { JournalTarget() },
        "opening": { OpeningTarget() },
        "pem": { try await PEMTarget() },
        "percent-encoding": { PercentEncodingTarget() },
        "proxy-header": { ProxyHeaderTarget() },
        "request": { RequestTarget() },
        "server-configuration": { try ConfigurationTarget.server() },
        "server-line": { ServerLineTarget() },
        "state": { StateTarget() },
        "status-document": { StatusDocumentTarget() },
        "tls-client": { try await TLSFlightTarget.client() },
        "tls-relay": { try await TLSRelayTarget() },
        "tls-server": { try await TLSFlightTarget.server() },
    ]
}
