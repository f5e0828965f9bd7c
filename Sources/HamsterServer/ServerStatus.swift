internal import HamsterCore
internal import HamsterRateLimit
internal import HamsterStatus
internal import HamsterStore

/// The document that `loghamsterd status` shows; its fields are described in docs/configuration.md.
struct ServerStatus {
    /// A stream at the moment of the look: its report goes on.
    struct OpenStream {
        let report: StreamReport
        let acknowledged: UInt64

        init(_ report: StreamReport) {
            self.report = report
            acknowledged = report.acknowledged
        }
    }

    let store: StoreStatus
    /// Looked at before the store: what a stream has acknowledged is then among what its output has committed.
    let open: [OpenStream]
    let failures: [StreamSource: StreamReports.Failure]
    let connections: Int
    let waited: [RateScope: Duration]
    let statistics: ServerStatistics.Snapshot

    var document: [JSON.Member] {
        [
            .init("connections", .number(connections)),
            .init("uncommitted_bytes", .number(store.uncommittedBytes)),
            .init("commits", commits),
            .init(
                "journal",
                .object([
                    .init("bytes", .number(store.journalSize)), .init("streams", .number(store.streamsKnown)),
                ])),
            .init("counters", counters),
            .init("throttled_milliseconds", throttled),
            .init("streams", .array(open.sorted { key($0.report.source) < key($1.report.source) }.map(stream))),
            .init("outputs", .array(store.outputs.map(output))),
            .init("failures", .array(failures.sorted { key($0.key) < key($1.key) }.map(failure))),
        ]
    }

    private func key(_ source: StreamSource) -> String { "\(source.host) \(source.path)" }

    private var commits: JSON {
        .object([
            .init("count", .number(store.commits.count)),
            .init("failed", .number(store.commits.failureCount)),
            .init("last_at", .number(store.commits.lastAt)),
            .init("last_microseconds", .number(store.commits.lastDuration.microseconds)),
            .init("last_error", .optional(store.commits.failure.map { "\($0)" })),
        ])
    }

    private var counters: JSON {
        let live = open.reduce(0) { $0 + ($1.report.received - $1.report.start) }
        return .object([
            .init("streams_opened", .number(statistics.streams)),
            .init("streams_refused", .number(statistics.refusedStreams)),
            .init("connections_refused", .number(statistics.refusedConnections)),
            .init("accept_failures", .number(statistics.acceptFailures)),
            .init("received_bytes", .number(statistics.receivedBytes + live)),
            .init("reloads", .number(statistics.reloads)),
            .init("reloads_failed", .number(statistics.failedReloads)),
        ])
    }

    private var throttled: JSON {
        .object(RateScope.allCases.map { .init($0.rawValue, .number((waited[$0] ?? .zero).milliseconds)) })
    }

    private func stream(_ stream: OpenStream) -> JSON {
        let report = stream.report
        return .object([
            .init("id", .string(report.streamID)),
            .init("host", .string(report.source.host)),
            .init("path", .string("\(report.source.path)")),
            .init("output", .string("\(report.output)")),
            .init("received", .number(report.received)),
            .init("acknowledged", .number(stream.acknowledged)),
            .init("since", .number(report.since)),
            .init("throttled_by", .optional(report.obstacle?.rawValue)),
            .init("peer", .optional(report.peer)),
            .init("last_error", .optional(failures[report.source]?.reason)),
        ])
    }

    private func output(_ output: StoreStatus.Output) -> JSON {
        .object([
            .init("path", .string("\(output.path)")),
            .init("length", output.length.map { .number($0) } ?? .null),
            .init("committed", output.committed.map { .number($0) } ?? .null),
            .init("streams", .number(output.streamCount)),
            .init("failed", .bool(output.failure != nil)),
            .init("last_error", .optional(output.failure.map { "\($0)" })),
        ])
    }

    private func failure(_ source: StreamSource, _ failure: StreamReports.Failure) -> JSON {
        .object([
            .init("host", .string(source.host)),
            .init("path", .string("\(source.path)")),
            .init("at", .number(failure.at)),
            .init("reason", .string(failure.reason)),
        ])
    }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }

    fileprivate var milliseconds: Int64 { microseconds / 1_000 }
}
