import Foundation
import HamsterConfiguration
import HamsterTesting

/// A configuration file. The configuration that is in effect is a file with the same effect; everything that is wrong has a
/// line of its own.
struct ConfigurationTarget: FuzzTarget {
    let seeds: [[UInt8]]
    /// The text in effect.
    private let effect: @Sendable (ConfigurationFile) throws(ConfigurationError) -> String

    static func client() throws -> Self {
        try Self(example: "client.toml", more: clientText) { file throws(ConfigurationError) in
            try ClientSettings(file, defaults: defaults).text
        }
    }

    static func server() throws -> Self {
        try Self(example: "server.toml", more: serverText) { file throws(ConfigurationError) in
            try ServerSettings(file, defaults: defaults).text
        }
    }

    private init(
        example: String, more: String,
        effect: @escaping @Sendable (ConfigurationFile) throws(ConfigurationError) -> String
    ) throws {
        self.effect = effect
        let example = try String(contentsOfFile: "\(Repository.root)/deploy/examples/\(example)", encoding: .utf8)
        let effective = try effect(ConfigurationFile(path: Self.path, text: example))
        // What the example has as comments, too.
        let texts = [example, example.replacing("\n# ", with: "\n"), effective, more]
        seeds = (texts + Self.oddities).map { Array($0.utf8) }
    }

    private static let path = "/etc/loghamster/fuzz.toml"
    private static let defaults = SystemDefaults(
        stateDirectory: "/var/lib/loghamster", hostName: "web1", workingDirectory: "/home/me")

    private static let oddities = [
        "a.b.c = 1\r\n[a.b]\r\nc = '''x\ny'''\n", "listen = [\":1\", { a = [1979-05-27T07:32:00Z] }]\n",
        "a = \"\\u0007\"\n",
        "path = /var/log\nport = 70_07\nx = 0xFF\ny = inf\n[[input]]\npath = \"\"\"\n*\"\"\"\n",
    ]

    func check(_ input: [UInt8]) throws {
        guard let text = String(validating: input, as: UTF8.self) else { return }
        let effective: String
        do throws(ConfigurationError) {
            effective = try effect(ConfigurationFile(path: Self.path, text: text))
        } catch {
            try demand(!error.problems.isEmpty, "wrong for no reason")
            for problem in error.problems { try demandOneLine(problem.description, bytesMax: 4 * input.count + 2_000) }
            return
        }
        let again = Result { () throws(ConfigurationError) in
            try effect(ConfigurationFile(path: Self.path, text: effective))
        }
        guard case .success(effective) = again else {
            throw Violation("the configuration in effect has another effect: \(again)\n\(effective)")
        }
    }

    private static let clientText = """
        hostname = "web1"
        state = "state"
        log_format = "json"
        [target]
        hosts = ["log.example.com:7007", "[2001:db8::1]:7008"]
        compress = true
        [target.tls]
        ca = "ca.pem"
        [[input]]
        name = "app"
        path = "/var/log/*.log"
        rotate_wait = "300ms"
        method = "close"
        onrotate = "delete"
        [input.meta]
        env = "prod"
        """

    private static let serverText = """
        listen = ["127.0.0.1:7007", "[::1]:7007"]
        directory = "stored"
        [tls]
        cert = "server.pem"
        key = "server.key"
        client_ca = "ca.pem"
        [limits]
        streams = 100
        [durability]
        sync = "os"
        [output.nginx]
        match = { host = "web*", path = "/var/log/nginx/*.log", svc = "nginx", meta = { env = "prod" } }
        path = "{host}/nginx/{basename}"
        rotate = { size = "1 GiB", every = "1d", keep = 14, compress = true }
        rate_limit = "5 MiB/s"
        mode = "0640"
        """
}
