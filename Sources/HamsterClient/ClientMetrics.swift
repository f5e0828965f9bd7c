internal import HamsterMetrics

/// All metrics of the client: the catalogue. docs/metrics.md is its other half, for operators.
///
/// What the client knows anyway is only described here, and read when somebody asks; what is counted for the metrics alone
/// has its counters here.
final class ClientMetrics: Sendable {
    // Files
    let files = MetricDescription(
        .gauge, "loghamster_client_files", ["input", "state"], help: "Files that are not settled, by their state")
    let readBytes = CounterFamily(
        "loghamster_client_read_bytes_total", ["input"], help: "Bytes that were read from files and sent")
    let acknowledgedBytes = CounterFamily(
        "loghamster_client_acknowledged_bytes_total", ["input"], help: "Bytes that the server has acknowledged")
    let lagBytes = MetricDescription(
        .gauge, "loghamster_client_lag_bytes", ["input"], help: "Bytes in files that are not acknowledged")
    let lagSeconds = MetricDescription(
        .gauge, "loghamster_client_lag_seconds", ["input"], help: "Age of the oldest byte that is not acknowledged")
    let deletedBytes = MetricDescription(
        .gauge, "loghamster_client_deleted_bytes", ["input"],
        help: "Size of deleted files that are kept on disk until they are acknowledged")
    let rotations = CounterFamily(
        "loghamster_client_rotations_total", ["input", "kind"], help: "Files that were renamed, or cut and begun anew")
    let lostBytes = CounterFamily(
        "loghamster_client_lost_bytes_total", ["input"], help: "Bytes that were gone before they could be sent")

    // Targets
    let connects = CounterFamily(
        "loghamster_client_connects_total", ["result", "reason"], help: "Attempts to open a stream",
        known: [["ok", ""]])
    let connected = MetricDescription(
        .gauge, "loghamster_client_connected", ["target"],
        help: "1 for the target that streams go to, while it can be reached")
    let certificateEnd = MetricDescription(
        .gauge, "loghamster_client_certificate_not_after_seconds", ["role"],
        help: "When the first certificate in use ends, in Unix time")

    let reloads = CounterFamily(
        "loghamster_client_reloads_total", ["result"], help: "Reloads of the configuration or of certificates",
        known: [["failed"], ["ok"]])
    let renewals = CounterFamily(
        "loghamster_client_renewals_total", ["result"], help: "Attempts to get the next certificate from the server",
        known: [["failed"], ["ok"]])
    let process = ProcessMetrics()
}

extension ClientMetrics {
    /// Makes sure that the series of an input exist, so that its first event is a change from 0.
    func prepare(input: String) {
        for family in [readBytes, acknowledgedBytes, lostBytes] { _ = family[input] }
        for kind in ["rename", "truncate"] { _ = rotations[input, kind] }
    }
}
