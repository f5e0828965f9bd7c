internal import HamsterMetrics

// What both programs have.

extension KeyTable {
    /// Of the server, where none is named.
    static let port = 7_007

    static let stateDefault =
        "`$STATE_DIRECTORY` under systemd, `/var/lib/loghamster` for root, else `$XDG_STATE_HOME/loghamster`"

    /// How a program logs: `debug`, `log_level`, `log_format`.
    static let log = [
        KeyDescription("debug", .boolean(false), needsRestart: true, "short for `log_level = \"debug\"`"),
        KeyDescription(
            "log_level", .choice(LogSettings.Level.allCases.map(\.rawValue)), default: "`\"info\"`", needsRestart: true,
            "the least that is logged"),
        KeyDescription(
            "log_format", .choice(["text", "json"], "text"), needsRestart: true,
            "under systemd the lines of text carry the journal's priorities"),
    ]

    /// TLS of who accepts connections.
    static func serverTLS(_ more: [KeyDescription] = []) -> KeyTable {
        KeyTable(
            [
                KeyDescription("enabled", .boolean(true), needsRestart: true, "`false`: plain text"),
                KeyDescription(
                    "cert", .path(), default: "required", "the server's certificate chain"),
                KeyDescription(
                    "key", .path(), default: "required",
                    "the key of the certificate. One that others can read is an error; where root owns it, a group of the "
                        + "server's own may"),
                KeyDescription("client_ca", .path(), "file of the CAs that may certify clients"),
                KeyDescription(
                    "client_auth", .choice(["none", "optional", "require"]),
                    default: "`\"require\"` with `client_ca`, else `\"none\"`",
                    "whether clients have to show a certificate"),
                KeyDescription(
                    "crl", .path(),
                    "lists of revoked certificates of every CA in a client's chain: one file (lists one after the other, in "
                        + "PEM or DER), or a directory, all of whose files are read but hidden ones. Of each CA the youngest "
                        + "list counts. One that has ended, or begins in the future, is an error at the start and keeps the "
                        + "old ones in use later; when a list ends while it is in use, its CA's clients are refused until the "
                        + "new one is there"),
                minimumVersion,
            ] + more)
    }

    static let minimumVersion = KeyDescription(
        "min_version", .choice(["1.2", "1.3"], "1.3"), "the oldest version of TLS")

    /// Metrics over HTTP.
    static func prometheus(listen: String) -> KeyTable {
        KeyTable([
            KeyDescription("enabled", .boolean(false), needsRestart: true, "whether metrics are offered"),
            KeyDescription(
                "listen", .text(listen), syntax: "address", needsRestart: true,
                "`:8091` is all addresses; not a loopback one and without `tls`: a warning at each start"),
            KeyDescription(
                "path", .text(MetricsConfiguration(address: "", port: 0).path), needsRestart: true,
                "where the metrics are"),
            KeyDescription(
                "tls", .table(serverTLS()),
                "\(names(serverTLS())), as in the server's `[tls]`; with `client_ca` only scrapers with a certificate of it "
                    + "are answered"),
        ])
    }

    private static func names(_ table: KeyTable) -> String {
        table.keys.map { "`\($0.name)`" }.joined(separator: ", ")
    }
}
