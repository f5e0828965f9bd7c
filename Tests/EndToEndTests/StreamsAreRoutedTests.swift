import Foundation
import HamsterTesting
import Testing

/// Rules of the configuration, as `loghamsterd route` explains them and as the running server follows them.
struct StreamsAreRoutedTests {
    private static let outputs = """
        [output.nginx]
        match = { host = "web*", path = "**/nginx/*.log" }
        path = "{host}/nginx/{basename}"
        framing = "bytes"
        [output.merged]
        match = { meta = { env = "prod" }, certificate = "web1" }
        path = "{meta.env}.log"
        prefix = "{host}:{basename} "
        [output.secret]
        match = { path = "**/*.key" }
        priority = 10
        deny = true
        """

    @Test func `streams go where their rules say, and each source's lines carry its prefix`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer(extra: Self.outputs)
        let lines = { (name: String) in (0..<2_000).map { "\(name) line \($0)" } }
        for name in ["nginx/access.log", "one.log", "two.log", "my.key", "other/x.txt"] {
            let text = lines(name).map { $0 + "\n" }.joined()
            try deployment.scratch.write("source/\(name)", text)
        }
        let client = try deployment.startClient(
            input: """
                path = ["source/nginx/*", "source/*.key", "source/other/*"]
                [[input]]
                name = "prod"
                path = "source/*.log"
                meta = { env = "prod" }
                """)

        let expected = Set(["one.log", "two.log"].flatMap { name in lines(name).map { "web1:\(name) \($0)" } })
        try await eventually("the merged lines") { stored(deployment, "prod.log").count == expected.count }
        #expect(Set(stored(deployment, "prod.log")) == expected)
        try await eventually("the rule's replica") {
            stored(deployment, "web1/nginx/access.log") == lines("nginx/access.log")
        }
        try await deployment.waitUntilStored("other/x.txt", Array(lines("other/x.txt").map { $0 + "\n" }.joined().utf8))
        try await client.waitForError("output 'secret' refuses this stream")
        #expect(try await client.terminate() == 0)
        #expect(
            !FileManager.default.fileExists(
                atPath: deployment.scratch("stored/web1\(deployment.scratch("source/my.key"))")))
    }

    private func stored(_ deployment: Deployment, _ output: String) -> [String] {
        let text = String(decoding: deployment.scratch.contents("stored/\(output)") ?? [], as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    @Test func `route says which rule takes a stream, which file it writes, and why the others don't`() async throws {
        let deployment = try await Deployment()
        let file = try deployment.scratch.write(
            "server.toml", "directory = \"/srv\"\ntls = { enabled = false }\n" + Self.outputs)
        let route = { (arguments: [String]) in
            let process = try deployment.start("loghamsterd", ["route", "--config", file] + arguments)
            return (try await process.exitCode(), process.output, process.errors)
        }

        let taken = try await route(["web1:/var/log/nginx/a.log"])
        #expect(taken.0 == 0, "\(taken.2)")
        #expect(
            taken.1 == """
                stream  web1:/var/log/nginx/a.log
                tried   secret: path is '/var/log/nginx/a.log', not '**/*.key'
                tried   merged: has no certificate, which had to be 'web1'
                output  nginx
                file    /srv/web1/nginx/a.log (bytes)

                """)
        let merged = try await route(["--certificate", "web1", "db1:/a b", "svc:x", "env:prod"])
        #expect(merged.1.hasSuffix("output  merged\nfile    /srv/prod.log (lines)\n"), "\(merged.1)")
        let denied = try await route(["web1:/etc/ssl/web.key"])
        #expect(denied.0 == 1)
        #expect(denied.1.hasSuffix("output  none: 'secret' refuses this stream (403)\n"))
        let list = try deployment.scratch.write("list", "# streams\nweb1:/x/nginx/a.log\nh:/x.key svc:a\nh:/y\n")
        let all = try await route(["--all", list])
        #expect(all.0 == 1)
        #expect(
            all.1 == """
                web1:/x/nginx/a.log\tnginx\t/srv/web1/nginx/a.log (bytes)
                h:/x.key\t-\t'secret' refuses this stream (403)
                h:/y\t_fallback\t/srv/h/y (bytes)

                """)
        let piped = try ChildProcess(
            try Repository.program("loghamsterd"), ["route", "--config", file, "--all", "-"], in: deployment.scratch,
            input: deployment.scratch.contents("list"))
        #expect(try await piped.exitCode() == 1, "\(piped.errors)")
        #expect(piped.output == all.1)
        let wrong = try await route(["web1"])
        #expect(wrong.0 == 64, "\(wrong.2)")
    }
}
