internal import HamsterClient
internal import HamsterTail

// Every key of `loghamsterc`. Defaults are those of its configuration types, where these have some.

extension KeyTable {
    package static let client = KeyTable(
        log + [
            KeyDescription(
                "state", .path(), default: stateDefault, needsRestart: true,
                "folder of the state file: how far each file is acknowledged"),
            KeyDescription(
                "hostname", .text(), default: "the system's",
                "the host that streams are sent for; has to be in the client's certificate when the server checks it"),
            KeyDescription("target", .table(target), default: "required", "the server"),
            KeyDescription("input", .tables(input), default: "required", "which files; any number of them"),
            KeyDescription("prometheus", .table(prometheus(listen: "127.0.0.1:8092")), "metrics"),
        ])

    private static let defaults = ClientConfiguration(hostName: "", targets: [], inputs: [])

    private static let target = KeyTable([
        KeyDescription("hostname", .text(), default: "required, or `hosts`", "name or address"),
        KeyDescription("port", .integer(1...65_535, port), "also of those in `hosts` that have none"),
        KeyDescription(
            "hosts", .texts(), syntax: "`\"host:port\"`, or a list",
            "in order of preference, in place of `hostname`"),
        KeyDescription(
            "compress", .boolean(defaults.offersCompression),
            "zlib: for slow networks; on fast ones it costs more time than it saves"),
        KeyDescription(
            "max_connections", .integer(1...100_000, defaults.connectionsMax),
            "streams at once. Other files take turns, and an idle stream gives up its place to them"),
        KeyDescription(
            "connect_timeout", .duration(.milliseconds(100)...(.seconds(600)), defaults.connectTimeout),
            "for TCP, and for TLS"),
        KeyDescription(
            "rate_limit", .rate,
            "what all streams together may send, as it goes over the network; files share it evenly"),
        KeyDescription("tls", .table(clientTLS), "how the server is known, and the client to it"),
    ])

    private static let clientTLS = KeyTable([
        KeyDescription("enabled", .boolean(true), "`false`: plain text"),
        KeyDescription(
            "ca", .path(), default: "the system's store", "file of the CAs that are trusted to certify the server"),
        KeyDescription("cert", .path(), "the client's certificate chain; together with `key`"),
        KeyDescription("key", .path(), "the key of the certificate. One that others can read is an error"),
        KeyDescription(
            "server_name", .text(), default: "`hostname`",
            "compared with the subject alternative names of the server's certificate"),
        KeyDescription(
            "renew", .boolean(false),
            "get the next certificate from the server after two thirds of the life of this one; `cert` and `key` name one file "
                + "then, which holds both, as `loghamsterc enroll` writes it"),
        minimumVersion,
    ])

    private static let day: Duration = .seconds(86_400)
    private static let inputDefaults = InputConfiguration(FileSelection(patterns: []))

    private static let input = KeyTable([
        KeyDescription("name", .text(), default: "the file's name without its extension", "sent as `svc`"),
        KeyDescription(
            "path", .texts(), syntax: "pattern, or a list", default: "required",
            "`*` and `?` within a name, `[a-z]`, `**` across folders"),
        KeyDescription(
            "exclude", .texts(), syntax: "pattern, or a list",
            "what is left out; without a `/` compared with the name, else with the path"),
        KeyDescription(
            "method", .choice(["watch", "close", "once"], "watch"),
            "`watch`: follow as the file grows; `close`: send it once it is closed, as a whole, under the name that it has "
                + "then; `once`: what exists at the start"),
        KeyDescription(
            "start", .choice(["beginning", "end"], "beginning"),
            "`end`: skip what a file holds when it is first seen"),
        KeyDescription(
            "min_chunk", .size(1...(16 << 20), inputDefaults.chunkBytesMin),
            "bytes are sent at once where sends are few, otherwise as soon as there is this much …"),
        KeyDescription(
            "flush_interval", .duration(.milliseconds(1)...(.seconds(60)), inputDefaults.flushInterval),
            "… or so that there is one send in such a time on the average; up to 16 of them, or 160 ms, may be ahead"),
        KeyDescription(
            "rotate_wait", .duration(.zero...day, inputDefaults.files.rotateWait),
            "how long a renamed file may still be written to; with `method = \"close\"` how long a file is quiet before it "
                + "counts as closed"),
        KeyDescription(
            "close_idle", .duration(.milliseconds(100)...(day * 30), inputDefaults.closeIdle),
            "close the connection of a quiet file; the next byte opens it again"),
        KeyDescription(
            "ignore_older", .duration(.seconds(1)...(day * 36_500)),
            "leave alone what was not modified for so long"),
        KeyDescription("meta", .freeTable, "a table of strings, sent along for the routing"),
        KeyDescription(
            "onrotate", .choice(["follow", "delete"], "follow"),
            "`delete`: remove a file once it is complete and its last byte is acknowledged: a rotated one, with "
                + "`method = \"close\"` any; not with `once`"),
    ])
}
