import HamsterConfiguration
import Testing

private let target = "[target]\nhostname = \"log\"\n"
private let input = "[[input]]\npath = \"/a.log\"\n"

/// A file and every line that `loghamsterc check` prints for it.
struct ErroneousFile: Sendable, CustomTestStringConvertible {
    var text: String
    var lines: [String]

    init(_ text: String, _ lines: String...) {
        self.text = text
        self.lines = lines
    }

    var testDescription: String { text.replacing("\n", with: " / ") }
}

struct ClientErrorTests {
    @Test(arguments: unknownKeys + transport + security + inputs + metadata + later + notTOML)
    func `each problem names file, line and key, and says what is expected`(file: ErroneousFile) {
        #expect(problems { _ = try clientSettings(file.text, path: "/c") } == file.lines)
    }

    static let unknownKeys = [
        ErroneousFile("debg = true\n" + target + input, "/c:1: debg: unknown key (did you mean 'debug'?)"),
        ErroneousFile(
            "banana = 1\n" + target + input,
            "/c:1: banana: unknown key (known here: debug, hostname, input, log_format, log_level, prometheus, state, target)"
        ),
        ErroneousFile(
            "[target]\nhostnam = \"log\"\n" + input,
            "/c:1: target.hostname: missing: the name or address of the server",
            "/c:2: target.hostnam: unknown key (did you mean 'hostname'?)"),
        ErroneousFile(
            target + "tls = { serer_name = \"x\" }\n" + input,
            "/c:3: target.tls.serer_name: unknown key (did you mean 'server_name'?)"),
        ErroneousFile(
            target + "[target.tls]\nkey_file = \"x\"\n" + input,
            "/c:4: target.tls.key_file: unknown key (known here: ca, cert, enabled, key, min_version, renew, server_name)"
        ),
        ErroneousFile(
            target + input + "excludes = [\"*.gz\"]\n",
            "/c:5: input[0].excludes: unknown key (did you mean 'exclude'?)"),
        ErroneousFile(
            target + input + input + "nmae = \"x\"", "/c:7: input[1].nmae: unknown key (did you mean 'name'?)"),
        ErroneousFile(
            target + input + "[prometheus]\nlisten_on = \":1\"",
            "/c:6: prometheus.listen_on: unknown key (did you mean 'listen'?)"),
        ErroneousFile(
            "\"bad key\" = 1\n" + target + input,
            "/c:1: \"bad key\": unknown key (known here: debug, hostname, input, log_format, log_level, prometheus, state, target)"
        ),
    ]

    static let transport = [
        ErroneousFile("debug = \"yes\"\n" + target + input, "/c:1: debug: expected true or false, got \"yes\""),
        ErroneousFile(
            "log_level = \"verbose\"\n" + target + input,
            "/c:1: log_level: expected \"trace\" or \"debug\" or \"info\" or \"notice\" or \"warning\" or \"error\", got \"verbose\""
        ),
        ErroneousFile("state = 5\n" + target + input, "/c:1: state: expected a string in quotes, got 5"),
        ErroneousFile("state = \"\"\n" + target + input, "/c:1: state: expected a path, got an empty string"),
        ErroneousFile(
            "hostname = \"-x\"\n" + target + input,
            "/c:1: hostname: expected 1 to 253 of A-Z a-z 0-9 . _ - and not . or - first, got \"-x\""),
        ErroneousFile(
            "target = \"log:7007\"\n" + input, "/c:1: target: expected a table, got \"log:7007\""),
        ErroneousFile(
            "[target]\nhostname = [\"a\"]\n" + input, "/c:2: target.hostname: expected a string in quotes, got a list"),
        ErroneousFile(
            "[target]\nhostname = \"log:7007\"\n" + input,
            "/c:2: target.hostname: expected a name or an address without a port, got \"log:7007\""),
        ErroneousFile(
            "[target]\nhostname = \"\"\n" + input,
            "/c:2: target.hostname: expected a name or an address without a port, got \"\""),
        ErroneousFile(
            target + "hosts = [\"a\"]\n" + input, "/c:2: target.hostname: set either hostname or hosts"),
        ErroneousFile(
            "[target]\nhosts = [\"a\", \"b:c:d\", \"e:0\"]\n" + input,
            "/c:2: target.hosts: expected addresses such as \"log.example.com:7007\", got \"b:c:d\"",
            "/c:2: target.hosts: expected addresses such as \"log.example.com:7007\", got \"e:0\""),
        ErroneousFile(
            "[target]\nhosts = [1]\n" + input,
            "/c:2: target.hosts: expected a string or a list of strings, got a list"),
        ErroneousFile("[target]\nhosts = []\n" + input, "/c:2: target.hosts: expected at least one address"),
        ErroneousFile(target + "port = 0\n" + input, "/c:3: target.port: expected an integer from 1 to 65535, got 0"),
        ErroneousFile(
            target + "port = \"7007\"\n" + input,
            "/c:3: target.port: expected an integer from 1 to 65535, got \"7007\""),
        ErroneousFile(
            target + "port = 7.5\n" + input, "/c:3: target.port: expected an integer from 1 to 65535, got a number"),
        ErroneousFile(
            target + "compress = \"zlib\"\n" + input, "/c:3: target.compress: expected true or false, got \"zlib\""),
        ErroneousFile(
            target + "max_connections = 0\n" + input,
            "/c:3: target.max_connections: expected an integer from 1 to 100000, got 0"),
        ErroneousFile(
            target + "connect_timeout = \"10\"\n" + input,
            "/c:3: target.connect_timeout: expected a duration such as \"200ms\" or \"5s\", from 100ms to 10m, got \"10\""
        ),
        ErroneousFile(
            target + "connect_timeout = 10\n" + input,
            "/c:3: target.connect_timeout: expected a duration such as \"200ms\" or \"5s\", from 100ms to 10m, got 10"),
        ErroneousFile(
            target + "connect_timeout = 07:32:00\n" + input,
            "/c:3: target.connect_timeout: expected a duration such as \"200ms\" or \"5s\", from 100ms to 10m, got a date or time"
        ),
    ]

    static let security = [
        ErroneousFile(
            target + "[target.tls]\ncert = \"a.pem\"\n" + input,
            "/c:4: target.tls.cert: cert and key belong together: set both or neither"),
        ErroneousFile(
            target + "[target.tls]\nkey = \"a.key\"\n" + input,
            "/c:4: target.tls.key: cert and key belong together: set both or neither"),
        ErroneousFile(
            target + "[target.tls]\ncert = \"a.pem\"\nkey = \"a.pem\"\nrenew = true\n"
                + "[prometheus]\nenabled = true\nlisten = \"127.0.0.1:9100\"\n"
                + "[prometheus.tls]\nenabled = true\ncert = \"a.pem\"\nkey = \"a.pem\"\n" + input,
            "/c:12: prometheus.tls.cert: 'target.tls.renew' replaces it by a certificate that is no server's: "
                + "give the metrics one of their own"
        ),
        ErroneousFile(
            target + "[target.tls]\ncert = \"a.pem\"\nkey = \"b.pem\"\nrenew = true\n" + input,
            "/c:6: target.tls.renew: needs 'cert' and 'key' to name one file with both in it, which is replaced as a whole"
        ),
        ErroneousFile(
            target + "[target.tls]\nmin_version = 1.3\n" + input,
            "/c:4: target.tls.min_version: expected \"1.2\" or \"1.3\", got a number"),
        ErroneousFile(
            target + "[target.tls]\nmin_version = \"1.1\"\n" + input,
            "/c:4: target.tls.min_version: expected \"1.2\" or \"1.3\", got \"1.1\""),
        ErroneousFile(
            target + "[target.tls]\nenabled = \"no\"\n" + input,
            "/c:4: target.tls.enabled: expected true or false, got \"no\""),
        ErroneousFile(
            target + "[target.tls]\nenabled = false\nca = 1\n" + input,
            "/c:5: target.tls.ca: expected a string in quotes, got 1"),
    ]

    static let inputs = [
        ErroneousFile(target, "/c: input: missing: at least one [[input]] with a path"),
        ErroneousFile("input = []\n" + target, "/c:1: input: missing: at least one [[input]] with a path"),
        ErroneousFile(
            target + "[input]\npath = \"/a\"\n",
            "/c:3: input: expected tables, each headed [[input]], got a table"),
        ErroneousFile(
            target + "[[input]]\nname = \"x\"\n", "/c:3: input[0].path: missing: the files to ship"),
        ErroneousFile(
            target + "[[input]]\npath = []\n", "/c:4: input[0].path: missing: the files to ship"),
        ErroneousFile(
            target + "[[input]]\npath = [\"/a\", \"/b/[c\"]\n",
            "/c:4: input[0].path: expected a path or a pattern such as \"/var/log/*.log\", got \"/b/[c\""),
        ErroneousFile(
            target + "[[input]]\npath = \"\"\n",
            "/c:4: input[0].path: expected a path or a pattern such as \"/var/log/*.log\", got \"\""),
        ErroneousFile(
            target + input + "exclude = \"[a\"\n", "/c:5: input[0].exclude: '[' without ']' in \"[a\""),
        ErroneousFile(
            target + input + "method = \"tail\"\n",
            "/c:5: input[0].method: expected \"watch\" or \"close\" or \"once\", got \"tail\""),
        ErroneousFile(
            target + input + "start = \"now\"\n",
            "/c:5: input[0].start: expected \"beginning\" or \"end\", got \"now\""),
        ErroneousFile(
            target + input + "min_chunk = \"4 Kib\"\n",
            "/c:5: input[0].min_chunk: expected a size such as \"64 KiB\", from 1 B to 16 MiB, got \"4 Kib\""),
        ErroneousFile(
            target + input + "min_chunk = -1\n",
            "/c:5: input[0].min_chunk: expected a size such as \"64 KiB\", from 1 B to 16 MiB, got -1"),
        ErroneousFile(
            target + input + "min_chunk = \"17 MiB\"\n",
            "/c:5: input[0].min_chunk: expected a size such as \"64 KiB\", from 1 B to 16 MiB, got \"17 MiB\""),
        ErroneousFile(
            target + input + "flush_interval = \"61s\"\n",
            "/c:5: input[0].flush_interval: expected a duration such as \"200ms\" or \"5s\", from 1ms to 1m, got \"61s\""
        ),
        ErroneousFile(
            target + input + "ignore_older = \"never\"\n",
            "/c:5: input[0].ignore_older: expected a duration such as \"200ms\" or \"5s\", from 1s to 36500d, got \"never\""
        ),
    ]

    private static let keyRule =
        "a key must be a-z first, then up to 31 of a-z 0-9 _ . -, and none of the protocol's own"

    static let metadata = [
        ErroneousFile(target + input + "meta = { svc = \"x\" }\n", "/c:5: input[0].meta.svc: \(keyRule)"),
        ErroneousFile(target + input + "[input.meta]\nEnv = \"x\"\n", "/c:6: input[0].meta.Env: \(keyRule)"),
        ErroneousFile(
            target + input + "[input.meta]\nenv = 1\n",
            "/c:6: input[0].meta.env: expected a string in quotes, got 1"),
        ErroneousFile(target + input + "meta = \"x\"\n", "/c:5: input[0].meta: expected a table, got \"x\""),
    ]

    static let later = [
        ErroneousFile(
            target + "rate_limit = \"10 MiB\"\n" + input,
            "/c:3: target.rate_limit: expected a rate such as \"10 MiB/s\", at least 1 KiB/s, got \"10 MiB\""),
        ErroneousFile(
            target + input + "method = \"once\"\nonrotate = \"delete\"\n",
            "/c:6: input[0].onrotate: method \"once\" knows no rotation: take it out, or use \"watch\" or \"close\""),
        ErroneousFile(
            target + input + "[prometheus]\nenabled = true\nlisten = \"8092\"\n",
            "/c:7: prometheus.listen: expected an address such as \"127.0.0.1:8092\", got \"8092\""),
    ]

    static let notTOML = [
        ErroneousFile(
            "state = /var/lib/x\n[target]\nhostname = log.example.com # the server\n[[input]]\npath = /var/log/*.log\n",
            "/c:1: state: a string must stand in quotes: state = \"/var/lib/x\"",
            "/c:3: hostname: a string must stand in quotes: hostname = \"log.example.com\"",
            "/c:5: path: a string must stand in quotes: path = \"/var/log/*.log\""),
        ErroneousFile(
            "debug = true\r\nstate = /x\r\n\r\n[target]\r\nhostname = \"log\"\r\nprot = 1\r\n[[input]]\r\npath = \"/a\"\r\n",
            "/c:2: state: a string must stand in quotes: state = \"/x\"",
            "/c:6: target.prot: unknown key (did you mean 'port'?)"),
        ErroneousFile(
            target + input + "flush_interval = 10ms\n",
            "/c:5: flush_interval: a string must stand in quotes: flush_interval = \"10ms\""),
    ]
}
