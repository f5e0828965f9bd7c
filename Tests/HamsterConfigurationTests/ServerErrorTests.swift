import HamsterConfiguration
import Testing

private let plain = "tls = { enabled = false }\n"
private let output = "[output.x]\npath = \"x.log\"\n"

struct ServerErrorTests {
    @Test(arguments: [
        ("\"127.0.0.1:7117\", \"127.0.0.1:7117\"", true), ("\":7117\", \"127.0.0.1:7117\"", true),
        ("\"127.0.0.1:7117\", \"0.0.0.0:7117\"", true), ("\"[::]:7117\", \"[::1]:7117\"", true),
        ("\"[::1]:7117\", \"[0:0::1]:7117\"", true), ("\"localhost:7117\", \"LOCALHOST:7117\"", true),
        ("\"0.0.0.0:7117\", \"[::1]:7117\"", false), ("\"127.0.0.1:7117\", \"127.0.0.2:7117\"", false),
        ("\"127.0.0.1:7117\", \"127.0.0.1:7118\"", false), ("\"127.0.0.1:0\", \"127.0.0.1:0\"", false),
    ])
    func `a list of addresses of which two are the same is an error`(addresses: String, isError: Bool) {
        let found = problems { _ = try serverSettings("listen = [\(addresses)]\ntls = { enabled = false }") }
        #expect(found.count == (isError ? 1 : 0), "\(found)")
        for problem in found {
            #expect(problem.hasPrefix("/etc/lh/d.toml:1: listen: ") && problem.contains("is taken by another one"))
        }
    }

    @Test func `an address that two keys have is an error that names both, with their lines`() {
        let text = """
            listen = "127.0.0.1:7117"
            tls = { enabled = false }
            [proxy_protocol]
            listen = "127.0.0.1:7117"
            from = "10.0.0.1"
            [prometheus]
            enabled = true
            listen = ":7117"
            """
        let advice = "choose another port, or leave one of them out"
        #expect(
            problems { _ = try serverSettings(text) } == [
                "/etc/lh/d.toml:4: proxy_protocol.listen: 127.0.0.1:7117 is taken by 'listen' in line 1: \(advice)",
                "/etc/lh/d.toml:8: prometheus.listen: [::]:7117 is taken by 'listen' in line 1: \(advice)",
            ])
        let withoutMetrics = text.replacing("enabled = true", with: "enabled = false")
        #expect(problems { _ = try serverSettings(withoutMetrics) }.count == 1)
    }

    @Test(arguments: unknownKeys + security + numbers + outputs + rates + later)
    func `each problem names file, line and key, and says what is expected`(file: ErroneousFile) {
        #expect(problems { _ = try serverSettings(file.text, path: "/d") } == file.lines)
    }

    @Test(arguments: [("/d", "/d"), ("/d", "/d/state"), ("/", "/state"), ("/d", "/x/../d/s"), ("/d/", "/d/s")])
    func `the state must not lie where clients name files`(directory: String, state: String) {
        let text = "directory = \"\(directory)\"\nstate = \"\(state)\"\n" + plain
        #expect(
            problems { _ = try serverSettings(text, path: "/f") } == [
                "/f:2: state: must not lie in 'directory', where clients choose the names of files"
            ])
    }

    @Test(arguments: [("/d", "/dd"), ("/d/e", "/d"), ("/d", "/d/../s")])
    func `beside the outputs the state may lie`(directory: String, state: String) {
        let text = "directory = \"\(directory)\"\nstate = \"\(state)\"\n" + plain
        #expect(problems { _ = try serverSettings(text, path: "/f") } == [])
    }

    @Test func `everything that is wrong with a file is told at once, in the order of the file`() {
        let text = """
            listn = "0.0.0.0:1"
            threads = "many"
            state = /var/lib
            [tls]
            cert = "a.pem"
            [durability]
            sync = "always"
            [output.x]
            mode = "rw"
            """
        #expect(
            problems { _ = try serverSettings(text, path: "/d") } == [
                "/d:1: listn: unknown key (did you mean 'listen'?)",
                "/d:2: threads: expected an integer from 0 to 1024, got \"many\"",
                "/d:3: state: a string must stand in quotes: state = \"/var/lib\"",
                "/d:4: tls.key: missing: the key of the server's certificate",
                "/d:7: durability.sync: expected \"commit\" or \"os\", got \"always\"",
                "/d:8: output.x.path: missing: the file to write",
                "/d:9: output.x.mode: expected octal permission bits such as \"0640\", got \"rw\"",
            ])
    }

    static let unknownKeys = [
        ErroneousFile("lisen = \"0.0.0.0:1\"\n" + plain, "/d:1: lisen: unknown key (did you mean 'listen'?)"),
        ErroneousFile(
            "[tls]\nenabled = false\nclientca = \"x\"\n", "/d:3: tls.clientca: unknown key (did you mean 'client_ca'?)"),
        ErroneousFile(
            plain + "[durability]\ninterval = 1\n",
            "/d:3: durability.interval: unknown key (known here: commit_bytes, commit_interval, forget_after, free_space, sync)"
        ),
        ErroneousFile(
            plain + "[limits]\nmax_conections = 1\n",
            "/d:3: limits.max_conections: unknown key (did you mean 'max_connections'?)"),
        ErroneousFile(
            plain + output + "modus = \"0640\"\n", "/d:4: output.x.modus: unknown key (did you mean 'mode'?)"),
        ErroneousFile(
            plain + "[output.\"my app\"]\npath = \"x\"\nonwer = \"root:root\"\n",
            "/d:4: output.\"my app\".onwer: unknown key (did you mean 'owner'?)"),
        ErroneousFile(
            "[tls]\nenabled = false\nallow = [{ certificate = \"a\", host = [\"b\"] }]\n",
            "/d:3: tls.allow[0].host: unknown key (did you mean 'hosts'?)"),
        ErroneousFile(
            "[tls]\nenabled = false\n[[tls.allow]]\ncertificate = \"a\"\n[[tls.allow]]\ncertifcate = \"b\"\n",
            "/d:5: tls.allow[1].certificate: missing: a DNS name of the relay's certificate",
            "/d:6: tls.allow[1].certifcate: unknown key (did you mean 'certificate'?)"),
        ErroneousFile(
            plain + "[prometheus]\npaht = \"/m\"\n", "/d:3: prometheus.paht: unknown key (did you mean 'path'?)"),
    ]

    static let security = [
        ErroneousFile(
            "", "/d: tls.cert: missing: the server's certificate chain",
            "/d: tls.key: missing: the key of the server's certificate"),
        ErroneousFile(
            "[tls]\ncert = \"a\"\nkey = \"b\"\nclient_auth = \"require\"\n",
            "/d:4: tls.client_auth: client certificates can't be checked without client_ca"),
        ErroneousFile(
            "[tls]\ncert = \"a\"\nkey = \"b\"\nclient_auth = \"yes\"\n",
            "/d:4: tls.client_auth: expected \"none\" or \"optional\" or \"require\", got \"yes\""),
        ErroneousFile(
            "[tls]\ncert = \"a\"\nkey = \"b\"\nbind_host = true\n",
            "/d:4: tls.bind_host: hosts can't be bound to certificates that are not asked for: set client_ca"),
        ErroneousFile(
            "[tls]\ncert = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\nallow = [{ certificate = \"r\", hosts = [\"web[\"] }]\n",
            "/d:5: tls.allow[0].hosts: '[' without ']' in \"web[\""),
        ErroneousFile(
            "[tls]\ncert = \"a\"\nkey = \"b\"\nallow = [\"relay\"]\n",
            "/d:4: tls.allow: expected tables, each headed [[tls.allow]], got a list"),
        ErroneousFile(
            "[tls]\ncert = 1\nkey = \"\"\n", "/d:2: tls.cert: expected a string in quotes, got 1",
            "/d:3: tls.key: expected a path, got an empty string"),
        ErroneousFile(
            "[tls]\nenabled = false\nmin_version = \"1.0\"\n",
            "/d:3: tls.min_version: expected \"1.2\" or \"1.3\", got \"1.0\""),
        ErroneousFile("tls = false\n", "/d:1: tls: expected a table, got a boolean"),
        ErroneousFile(
            plain + "[[output]]\nname = \"x\"\n",
            "/d:2: output: expected tables, each headed [output.NAME], got a list"),
    ]

    static let numbers = [
        ErroneousFile(
            plain + "listen = \"7007\"\n",
            "/d:2: listen: expected an address such as \"0.0.0.0:7007\" or \"[::]:7007\", got \"7007\""),
        ErroneousFile(
            plain + "listen = [\"[::]:7007\", \"1.2.3.4:65536\"]\n",
            "/d:2: listen: expected an address such as \"0.0.0.0:7007\" or \"[::]:7007\", got \"1.2.3.4:65536\""),
        ErroneousFile(plain + "listen = []\n", "/d:2: listen: expected at least one address"),
        ErroneousFile(plain + "threads = -1\n", "/d:2: threads: expected an integer from 0 to 1024, got -1"),
        ErroneousFile(plain + "fallback = 1\n", "/d:2: fallback: expected true or false, got 1"),
        ErroneousFile(
            plain + "[durability]\nsync = true\n",
            "/d:3: durability.sync: expected \"commit\" or \"os\", got a boolean"),
        ErroneousFile(
            plain + "[durability]\ncommit_interval = \"0s\"\n",
            "/d:3: durability.commit_interval: expected a duration such as \"200ms\" or \"5s\", from 1ms to 1m, got \"0s\""
        ),
        ErroneousFile(
            plain + "[durability]\nfree_space = \"5%\"\n",
            "/d:3: durability.free_space: expected a size such as \"64 KiB\", from 0 B to 1048576 GiB, got \"5%\""),
        ErroneousFile(
            plain + "[durability]\ncommit_bytes = \"2 GiB\"\n",
            "/d:3: durability.commit_bytes: expected a size such as \"64 KiB\", from 4 KiB to 1 GiB, got \"2 GiB\""),
        ErroneousFile(
            plain + "[limits]\nmax_line = \"9999999999 GiB\"\n",
            "/d:3: limits.max_line: expected a size such as \"64 KiB\", from 1 KiB to 256 MiB, got \"9999999999 GiB\""),
        ErroneousFile(
            plain + "[limits]\nidle_timeout = \"8d\"\n",
            "/d:3: limits.idle_timeout: expected a duration such as \"200ms\" or \"5s\", from 0s to 7d, got \"8d\""),
    ]

    static let outputs = [
        ErroneousFile(plain + "[output.x]\nmode = \"0640\"\n", "/d:2: output.x.path: missing: the file to write"),
        ErroneousFile(plain + "output.x = \"a\"\n", "/d:2: output.x: expected a table, got \"a\""),
        ErroneousFile(
            plain + "[output.x]\npath = \"../up\"\n",
            "/d:3: output.x.path: expected a path without '.', '..' and empty parts, in \"../up\""),
        ErroneousFile(
            plain + "[output.x]\npath = \"/a//b\"\n",
            "/d:3: output.x.path: expected a path without '.', '..' and empty parts, in \"/a//b\""),
        ErroneousFile(
            plain + "[output.x]\npath = \"{host}/{nme}\"\n",
            "/d:3: output.x.path: unknown field '{nme}' (known: {basename}, {certificate}, {date}, {dirname}, {host}, "
                + "{path}, {stream}, {svc}, {meta.KEY}), in \"{host}/{nme}\""),
        ErroneousFile(
            plain + "[output.x]\npath = \"{host/x\"\n", "/d:3: output.x.path: '{' without '}', in \"{host/x\""),
        ErroneousFile(
            "directory = \"/srv\"\n" + plain + "[output.x]\npath = \"/other/{host}\"\n",
            "/d:4: output.x.path: with fields it has to lie in 'directory' (/srv), got \"/other/{host}\""),
        ErroneousFile(
            plain + output + "match = {}\n",
            "/d:4: output.x.match: expected at least one condition, as in host = \"web*\""),
        ErroneousFile(
            plain + output + "match = { meta = {} }\n",
            "/d:4: output.x.match: expected at least one condition, as in host = \"web*\""),
        ErroneousFile(
            plain + output + "match = { path = \"*.key\" }\n",
            "/d:4: output.x.match.path: source paths begin with '/': write \"**/*.key\" in place of \"*.key\""),
        ErroneousFile(
            plain + output + "match = { hots = \"a\" }\n",
            "/d:4: output.x.match.hots: unknown key (did you mean 'host'?)"),
        ErroneousFile(
            plain + output + "match = { host = [] }\n",
            "/d:4: output.x.match.host: expected at least one pattern"),
        ErroneousFile(
            plain + output + "match = { path = \"/a[\" }\n",
            "/d:4: output.x.match.path: '[' without ']', or a range that runs backwards, in \"/a[\""),
        ErroneousFile(
            plain + output + "match = { meta = { Env = \"a\" } }\n",
            "/d:4: output.x.match.meta.Env: no stream can have this key"),
        ErroneousFile(
            plain + output + "deny = true\n", "/d:4: output.x.deny: refuses only what a match describes: add one"),
        ErroneousFile(
            plain + output + "framing = \"bytes\"\nprefix = \"a\"\n", "/d:5: output.x.prefix: needs framing = \"lines\""
        ),
        ErroneousFile(
            plain + output + "prefix = \"{\"\n", "/d:4: output.x.prefix: '{' without '}', in \"{\""),
        ErroneousFile(
            plain + output + "framing = \"line\"\n",
            "/d:4: output.x.framing: expected \"bytes\" or \"lines\", got \"line\""),
        ErroneousFile(
            plain + output + "mode = 416\n", "/d:4: output.x.mode: expected a string in quotes, got 416"),
        ErroneousFile(
            plain + output + "mode = \"1777\"\n",
            "/d:4: output.x.mode: expected octal permission bits such as \"0640\", got \"1777\""),
        ErroneousFile(
            plain + output + "mode = \"+64\"\n",
            "/d:4: output.x.mode: expected octal permission bits such as \"0640\", got \"+64\""),
        ErroneousFile(
            plain + output + "owner = \"nobody-we-know:root\"\n",
            "/d:4: output.x.owner: expected \"user:group\" of this system, got \"nobody-we-know:root\""),
        ErroneousFile(
            plain + output + "owner = \"root\"\n",
            "/d:4: output.x.owner: expected \"user:group\" of this system, got \"root\""),
        ErroneousFile(
            plain + output + "rotate = {}\n",
            "/d:4: output.x.rotate: expected size or every: neither says when",
            "/d:4: output.x.rotate.keep: missing: how many rotated files are kept (names = \"dated\" can keep all)"),
        ErroneousFile(
            plain + output + "rotate = \"1d\"\n", "/d:4: output.x.rotate: expected a table, got \"1d\""),
        ErroneousFile(
            plain + output + "rotate = { size = \"1 KiB\", keep = 0 }\n",
            "/d:4: output.x.rotate.size: expected a size such as \"64 KiB\", from 4 KiB to 1048576 GiB, got \"1 KiB\"",
            "/d:4: output.x.rotate.keep: expected an integer from 1 to 100000, got 0"),
        ErroneousFile(
            plain + output + "[output.x.rotate]\nevery = \"60500ms\"\nkeep = 5000\ncompres = true\n",
            "/d:5: output.x.rotate.every: expected whole seconds",
            "/d:6: output.x.rotate.keep: expected at most 1000 with names = \"numbered\", got 5000",
            "/d:7: output.x.rotate.compres: unknown key (did you mean 'compress'?)"),
        ErroneousFile(
            plain + output + "rotate = { every = \"1d\", keep = 3, names = \"weekly\" }\n",
            "/d:4: output.x.rotate.names: expected \"numbered\" or \"dated\", got \"weekly\""),
    ]

    static let rates = [
        ErroneousFile(
            plain + output + "rate_limit = 1",
            "/d:4: output.x.rate_limit: expected a rate such as \"10 MiB/s\", at least 1 KiB/s, got 1"),
        ErroneousFile(
            plain + "[rate_limit]\ntotal = \"1 MiB\"\nper_host = \"1 kB/s\"\nconnections_per_second = 0\n",
            "/d:3: rate_limit.total: expected a rate such as \"10 MiB/s\", at least 1 KiB/s, got \"1 MiB\"",
            "/d:4: rate_limit.per_host: expected a rate such as \"10 MiB/s\", at least 1 KiB/s, got \"1 kB/s\"",
            "/d:5: rate_limit.connections_per_second: expected an integer from 1 to 1000000, got 0"),
        ErroneousFile(
            plain + "[proxy_protocol]\nlisten = \":1\"\n",
            "/d:2: proxy_protocol.from: missing: the addresses of the load balancers, which are believed what they say"),
        ErroneousFile(
            plain + "[proxy_protocol]\nfrom = [\"10.0.0.0/33\"]\n",
            "/d:3: proxy_protocol.from: expected an address or a network such as \"10.0.0.0/24\", got \"10.0.0.0/33\""),
    ]

    static let later = [
        ErroneousFile(
            plain + "[prometheus]\nlisten = \"8091\"\n",
            "/d:3: prometheus.listen: expected an address such as \":8091\", got \"8091\""),
        ErroneousFile(
            plain + "[prometheus]\npath = \"metrics?\"\n",
            "/d:3: prometheus.path: expected a path such as \"/metrics\", got \"metrics?\""),
        ErroneousFile(
            plain + "[prometheus]\npath = \"/readyz\"\n",
            "/d:3: prometheus.path: /readyz says whether the program is well: choose another"),
        ErroneousFile(
            plain + "[prometheus.tls]\nclient_auth = \"require\"\n",
            "/d:2: prometheus.tls.cert: missing: the server's certificate chain",
            "/d:2: prometheus.tls.key: missing: the key of the server's certificate",
            "/d:3: prometheus.tls.client_auth: client certificates can't be checked without client_ca"),
        ErroneousFile(
            plain + "[prometheus.tls]\nenabled = false\nbind_host = true\n",
            "/d:4: prometheus.tls.bind_host: unknown key (known here: cert, client_auth, client_ca, crl, enabled, key, min_version)"
        ),
    ]
}
