internal import HamsterMetrics
internal import HamsterProtocol

/// All metrics of the server: the catalogue. docs/metrics.md is its other half, for operators.
///
/// What the server knows anyway is only described here, and read when somebody asks; what is counted for the metrics alone
/// has its counters here.
struct ServerMetrics: Sendable {
    let build = MetricDescription(
        .gauge, "loghamster_build_info", ["version", "swift", "openssl"], help: "Always 1; what the program is made of")

    // Connections
    let connections = MetricDescription(
        .gauge, "loghamster_connections", ["state"], help: "Open connections, by whether their stream is open yet")
    let connectionsTotal = MetricDescription(
        .counter, "loghamster_connections_total", ["result"], help: "Connections that were welcomed or turned away")
    let handshakes = CounterFamily(
        "loghamster_tls_handshakes_total", ["result", "reason", "version", "resumed"],
        help: "TLS handshakes, and why some failed")
    let handshakeTime = Histogram(
        "loghamster_tls_handshake_seconds",
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        help: "Time of TLS handshakes that succeeded, from the connection on")
    let certificateEnd = MetricDescription(
        .gauge, "loghamster_certificate_not_after_seconds", ["role"],
        help: "When the first certificate or revocation list in use ends, in Unix time")

    let enrollments = CounterFamily(
        "loghamster_enrollments_total", ["result"],
        help: "Requests of hosts for certificates, and what became of them",
        known: ["enrolled", "renewed", "refused", "failed", "malformed", "limited"].map { [$0] })

    // Streams
    let streams = MetricDescription(.gauge, "loghamster_streams", ["output"], help: "Open streams")
    let streamsTotal = CounterFamily(
        "loghamster_streams_total", ["output", "result"], help: "Streams that have ended, and how")
    let refusals = CounterFamily(
        "loghamster_refusals_total", ["code"], help: "Streams that were refused, by the code of the reply",
        known: ReplyCode.allCases.filter { $0 != .ready }.map { ["\($0.rawValue)"] })
    let receivedBytes = CounterFamily(
        "loghamster_received_bytes_total", ["output"], help: "Bytes of logs that came, after decompression")
    let writtenBytes = CounterFamily(
        "loghamster_written_bytes_total", ["output"], help: "Bytes of logs that were handed to the output's file")
    let committedBytes = CounterFamily(
        "loghamster_committed_bytes_total", ["output"], help: "Bytes of logs that are on disk")
    let lines = CounterFamily("loghamster_lines_total", ["output"], help: "Line ends that came")
    let throttled = MetricDescription(
        .counter, "loghamster_throttled_seconds_total", ["scope"],
        help: "Time that streams have waited for a rate limit, all of them together")

    // Hosts
    let hosts = RecentSeries()
    let hostReceivedBytes = MetricDescription(
        .counter, "loghamster_host_received_bytes_total", ["host"], help: "Bytes of logs that came from a host")
    let hostLastReceived = MetricDescription(
        .gauge, "loghamster_host_last_received_timestamp_seconds", ["host"],
        help: "When the last bytes came from a host, in Unix time")

    // Storing
    let commitTime = Histogram(
        "loghamster_commit_seconds",
        bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        help: "Time of commits that succeeded")
    let uncommittedBytes = MetricDescription(
        .gauge, "loghamster_uncommitted_bytes", help: "Bytes in outputs that are not on disk yet")
    let outputErrors = CounterFamily(
        "loghamster_output_errors_total", ["output", "reason"], help: "Failures of storing")
    let reloads = MetricDescription(
        .counter, "loghamster_reloads_total", ["result"], help: "Reloads of the configuration or of certificates")

    let process = ProcessMetrics()
}

extension ServerMetrics {
    /// The label of an output where no stream has it open that could name it.
    static let unnamedOutput = "_other"

    /// How a stream has ended, as `loghamster_streams_total` has it.
    enum StreamResult: String {
        /// The client has said that this was all for now, and what it sent is kept.
        case completed
        /// The connection was lost, or the server has ended the stream for a reason of its own.
        case interrupted
        /// The output failed, or what came could not be decoded.
        case failed
        /// The client has come again for the same file.
        case takenOver = "taken_over"
    }

    func streamEnded(_ result: StreamResult, output: String) { streamsTotal[output, result.rawValue].add() }

    func tally(output: String) -> StreamTally {
        StreamTally(
            received: receivedBytes[output], written: writtenBytes[output], committed: committedBytes[output],
            lines: lines[output])
    }
}
