internal import HamsterEnrollment
internal import HamsterRateLimit
internal import HamsterServer
internal import HamsterStore

// Every key of `loghamsterd`. Defaults are those of its configuration types, where these have some.

extension KeyTable {
    package static let server = KeyTable(
        log + [
            KeyDescription(
                "listen", .texts(["0.0.0.0:\(port)"]), syntax: "address, or a list", needsRestart: true,
                "sockets that systemd hands over are used in its place (below)"),
            KeyDescription(
                "directory", .path("/var/log/loghamster"), needsRestart: true,
                "base of relative outputs and of the fallback"),
            KeyDescription(
                "fallback", .boolean(true),
                "a stream that no output takes goes to `{host}/{path}` below `directory`; `false`: it is refused with 404"
            ),
            KeyDescription(
                "state", .path(), default: stateDefault, needsRestart: true,
                "folder of the journal; not below `directory`, where clients name the files"),
            KeyDescription(
                "threads", .integer(0...1_024, 0), needsRestart: true, "event loops; 0: one a core"),
            KeyDescription("tls", .table(serverTLS([bindHost, allow])), "who is let in"),
            KeyDescription("enroll", .table(enroll), "certificates for new hosts (`loghamsterd enroll`)"),
            KeyDescription("durability", .table(durability), "when bytes count as stored"),
            KeyDescription("limits", .table(limits), "what one may ask of the server"),
            KeyDescription("rate_limit", .table(rates), "how fast data may come"),
            KeyDescription("proxy_protocol", .table(proxyProtocol), "load balancers"),
            KeyDescription("prometheus", .table(prometheus(listen: ":8091")), "metrics"),
            KeyDescription("output", .namedTables(output), "where streams go"),
        ])

    private static let bindHost = KeyDescription(
        "bind_host", .boolean(), default: "`true` with `client_auth = \"require\"`, else `false`",
        "the host of a stream has to be among the subject alternative names of the client's certificate")

    private static let allow = KeyDescription(
        "allow",
        .tables(
            KeyTable([
                KeyDescription("certificate", .text(), default: "required", "a DNS name of the relay's certificate"),
                KeyDescription(
                    "hosts", .texts(), syntax: "pattern, or a list", "the hosts that it may send for"),
            ])),
        "who may send for others: `[{ certificate = \"relay1.example.com\", hosts = [\"web*\"] }]`")

    private static let enrollment = EnrollmentConfiguration(authority: "", key: "")

    private static let enroll = KeyTable([
        KeyDescription(
            "ca", .path(), default: "nobody enrols",
            "file of the CA that issues certificates, with those above it up to the root. It has to be in `client_ca`, and the "
                + "server's own certificate has to come from its root, which is all that a new host trusts"),
        KeyDescription(
            "key", .path(), default: "required with `ca`", "the CA's key. One that others can read is an error"),
        KeyDescription(
            "valid", .duration(.seconds(10)...(.seconds(3_650 * 86_400)), enrollment.life),
            "how long a certificate is good for"),
        KeyDescription(
            "renew", .boolean(enrollment.isRenewing),
            "whether a host that shows a good certificate of the CA, with one name in it, gets the next one"),
        KeyDescription(
            "listen", .texts(), syntax: "address, or a list", default: "where streams come", needsRestart: true,
            "addresses for this alone; no other one lets hosts without a certificate ask for one then. Renewals come where "
                + "streams do"),
    ])

    private static let store = StoreConfiguration(stateDirectory: "", directory: "")

    private static let durability = KeyTable([
        KeyDescription(
            "sync", .choice(["commit", "os"], "commit"), needsRestart: true,
            "`commit`: acknowledged means synced; `os`: written to the system (see [delivery.md](delivery.md))"),
        KeyDescription(
            "commit_interval", .duration(.milliseconds(1)...(.seconds(60)), store.commitInterval), needsRestart: true,
            "the longest time from a byte to its commit"),
        KeyDescription(
            "commit_bytes", .size(4_096...(1 << 30), store.commitBytes), needsRestart: true, "the most unsynced data"),
        KeyDescription(
            "forget_after", .duration(.seconds(3_600)...(.seconds(3_650 * 86_400)), store.forgetAfter),
            needsRestart: true, "drop what is known of a stream that was not seen for so long"),
        KeyDescription(
            "free_space", .size(0...(1 << 50), 64 << 20), needsRestart: true,
            "outputs on a file system with less free space are refused with 507, as on a full disk, until there is more. "
                + "Each file system is asked once a second, so what arrives in a second may still be written. 0: fill the "
                + "disk"),
    ])

    private static let limits: KeyTable = {
        let limits = ServerConfiguration.Limits()
        return KeyTable([
            KeyDescription(
                "max_connections", .integer(1...1_000_000, limits.connectionsMax),
                "more are answered with 429. Where an address holds many of them and has opened no stream on them, it loses "
                    + "its oldest to others"),
            KeyDescription(
                "max_streams_per_host", .integer(1...1_000_000, limits.streamsPerHostMax), "more are answered with 429"),
            KeyDescription(
                "max_files_per_host", .integer(1...100_000_000, limits.filesPerHostMax),
                "new files of a host of which so many are known are answered with 429; a file is known until it was not "
                    + "seen for `forget_after`"),
            KeyDescription(
                "handshake_timeout", .duration(.milliseconds(100)...(.seconds(600)), limits.handshakeTimeout),
                "from the connection to the open stream"),
            KeyDescription(
                "idle_timeout", .duration(.zero...(.seconds(7 * 86_400)), limits.idleTimeout ?? .zero),
                "close a stream that is silent for so long; 0: never"),
            KeyDescription(
                "max_line", .size(1_024...(256 << 20), store.lineBytesMax), needsRestart: true,
                "the longest line of an output of lines; a longer one is cut by an LF"),
            KeyDescription(
                "shutdown_grace", .duration(.zero...(.seconds(600)), limits.shutdownGrace), "how long a stop may take"),
        ])
    }()

    private static let rates = KeyTable([
        KeyDescription("total", .rate, "of all streams together"),
        KeyDescription("per_host", .rate, "of the streams of one host together"),
        KeyDescription("per_stream", .rate, "of each stream"),
        KeyDescription(
            "burst", .duration(.milliseconds(1)...(.seconds(3_600)), RateLimits().burst),
            "how long an unused rate is saved up"),
        KeyDescription(
            "connections_per_second", .integer(1...1_000_000),
            "new connections of one address (of one /64 with IPv6); as many may come at once. More are answered with 429"
        ),
    ])

    private static let proxyProtocol = KeyTable([
        KeyDescription(
            "listen", .texts(), syntax: "address, or a list", needsRestart: true, "beside those of the plain `listen`"),
        KeyDescription(
            "from", .texts(), syntax: "network, or a list", default: "required with `listen`", needsRestart: true,
            "addresses and networks of the load balancers, as in `[\"10.0.0.0/24\", \"::1\"]`. Nobody else may connect "
                + "there, since what is said is believed"),
    ])
}

// MARK: - Outputs

extension KeyTable {
    private static let output = KeyTable([
        KeyDescription(
            "match", .table(match),
            "the conditions; without it the rule takes the streams whose `svc` is NAME or whose source path is `path`"),
        KeyDescription("priority", .integer(-1_000_000...1_000_000, 0), "higher ones are tried first"),
        KeyDescription(
            "path", .text(), syntax: "path with fields", default: "required, except with `deny`",
            "the file: absolute, or below `directory`. With fields (below) always in `directory`: what clients choose is "
                + "resolved there alone, where no symbolic link leads out"),
        KeyDescription(
            "framing", .choice(["bytes", "lines"]), default: "by `path`",
            "`bytes`: a replica of one source; a second source is refused with 409. `lines`: whole lines of any number of "
                + "sources. Default: `bytes` where each source has a file of its own (`{host}` with `{path}` or with "
                + "`{dirname}` and `{basename}`, each alone between two `/`; or `{stream}`), else `lines`"),
        KeyDescription(
            "prefix", .text(), syntax: "text with fields",
            "put before each line, cut after 256 bytes; `lines` only. Control bytes in values become `?`"),
        KeyDescription(
            "mode", .text("0640"), syntax: "octal, in quotes", "of a file that is made"),
        KeyDescription("owner", .text(), syntax: "`\"user:group\"`", default: "the server's", "of a file that is made"),
        KeyDescription("deny", .boolean(false), "refuse what `match` describes with 403"),
        KeyDescription("rotate", .table(rotate), "when the file is put aside for a new one (below)"),
        KeyDescription("rate_limit", .rate, "what its streams may bring together (see `[rate_limit]`)"),
    ])

    private static let rotate = KeyTable([
        KeyDescription(
            "size", .size(4_096...(1 << 50)),
            "put the file aside once it has so many bytes; it may get some more before that is noticed: what arrives in a "
                + "tenth of a second"),
        KeyDescription(
            "every", .duration(.seconds(60)...(.seconds(3_650 * 86_400))),
            "at each multiple of this since 1970 in UTC: `\"1d\"` is at midnight UTC, `\"1h\"` on the hour. Whole seconds. "
                + "What counts is the file's time of birth, so that a restart changes nothing; an empty file stays, and a "
                + "file without streams is put aside before the next one writes"),
        KeyDescription(
            "keep", .integer(1...100_000), default: "none, or required",
            "so many rotated files stay, the oldest are removed. Required with `names = \"numbered\"` (at most 1000); "
                + "without it dated files all stay"),
        KeyDescription(
            "compress", .boolean(false),
            "make gzip files of rotated ones, on a thread that gets processor and disk when nobody else wants them"),
        KeyDescription(
            "names", .choice(["numbered", "dated"], "numbered"),
            "`\"numbered\"`: `app.log.1` is the youngest, and each rotation renames all others; `\"dated\"`: "
                + "`app.log-20240131T235959Z`, by the time of the rotation in UTC, and with `-2` and so on where several "
                + "fall into one second. Compressed files end in `.gz` too"),
    ])

    private static let match = KeyTable([
        KeyDescription("host", .texts(), syntax: "pattern, or a list", "the host, without regard to case"),
        KeyDescription("path", .texts(), syntax: "pattern, or a list", "the source path"),
        KeyDescription("svc", .texts(), syntax: "pattern, or a list", "the name of the client's input"),
        KeyDescription(
            "certificate", .texts(), syntax: "pattern, or a list",
            "the DNS names of the client's certificate, of which any may match, without regard to case"),
        KeyDescription(
            "meta", .freeTable,
            "`meta = { env = \"prod\" }` is compared with what the client sends under `env`"),
    ])
}
