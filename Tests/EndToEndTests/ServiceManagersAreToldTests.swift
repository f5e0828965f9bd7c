import Foundation
import HamsterTesting
import Testing

/// What systemd hears of both programs as services of `Type=notify`.
struct ServiceManagersAreToldTests {
    private func server(_ deployment: Deployment, _ environment: [String: String]) throws -> ChildProcess {
        let file = try deployment.writeServerConfiguration()
        return try deployment.start("loghamsterd", ["--config", file], environment: environment)
    }

    private func client(_ deployment: Deployment, _ environment: [String: String]) throws -> ChildProcess {
        let file = try deployment.writeClientConfiguration(input: "path = \"source/*\"")
        return try deployment.start("loghamsterc", ["--config", file], environment: environment)
    }

    @Test func `a server is ready once it listens, reloads at SIGHUP, and stops at SIGTERM`() async throws {
        let deployment = try await Deployment()
        let listener = try NotificationListener(deployment.scratch("notify.socket"))
        let server = try server(deployment, ["NOTIFY_SOCKET": listener.address])
        let ready = try await listener.message("READY=1")
        // No second attempt: who is told that it is ready may connect.
        _ = try RawConnection(port: deployment.port)
        #expect(ready.contains { $0.hasPrefix("STATUS=0 streams on ") })

        server.send(signal: SIGHUP)
        let reloading = try await listener.message("RELOADING=1")
        #expect(reloading.contains { $0.wholeMatch(of: /MONOTONIC_USEC=\d+/) != nil })
        try await listener.message("READY=1")
        try deployment.scratch.append("server.toml", Array("nonsense = 1\n".utf8))
        server.send(signal: SIGHUP)
        try await listener.message("RELOADING=1")
        try await listener.message("READY=1")

        #expect(try await server.terminate() == 0)
        try await listener.message("STOPPING=1")
    }

    @Test func `a server that can't listen is never ready`() async throws {
        let deployment = try await Deployment()
        let listener = try NotificationListener(deployment.scratch("notify.socket"))
        let first = try await deployment.startServer()
        let file = try deployment.writeServerConfiguration(
            root: ""
        ).replacing("server.toml", with: "second.toml")
        let second = try String(contentsOfFile: deployment.scratch("server.toml"), encoding: .utf8)
            .replacing("server-state", with: "second-state").replacing("\"stored\"", with: "\"second\"")
        _ = try deployment.scratch.write("second.toml", second)
        let server = try deployment.start(
            "loghamsterd", ["--config", file], environment: ["NOTIFY_SOCKET": listener.address])

        #expect(try await server.exitCode() == 69)
        var said: [String] = []
        while let message = listener.poll() { said += message }
        #expect(!said.contains("READY=1"))
        #expect(first.isRunning)
    }

    @Test func `a client is ready after its first look, reloads at SIGHUP, and stops at SIGTERM`() async throws {
        let deployment = try await Deployment()
        _ = try deployment.scratch.write("source/app.log", "line\n")
        let listener = try NotificationListener("@hamster-\(UUID().uuidString)")
        // No server is there: that is nothing that a restart of the client would mend.
        let client = try client(deployment, ["NOTIFY_SOCKET": listener.address])
        let ready = try await listener.message("READY=1")
        #expect(
            ready.contains("STATUS=1 files found for 127.0.0.1:\(deployment.port), 0 of 5 bytes acknowledged"))

        client.send(signal: SIGHUP)
        try await listener.message("RELOADING=1")
        try await listener.message("READY=1")
        #expect(try await client.terminate() == 0)
        try await listener.message("STOPPING=1")
    }

    @Test(arguments: ["loghamsterd", "loghamsterc"])
    func `the watchdog is fed until the process is stopped`(program: String) async throws {
        let deployment = try await Deployment()
        let listener = try NotificationListener(deployment.scratch("notify.socket"))
        let environment = ["NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "400000"]
        let process = try program == "loghamsterd" ? server(deployment, environment) : client(deployment, environment)
        for _ in 1...3 { try await listener.message("WATCHDOG=1") }

        process.send(signal: SIGSTOP)
        // One may be on its way.
        try await listener.silence(of: .milliseconds(600))
        #expect(try await listener.lines(within: .seconds(1)) == [])
        process.send(signal: SIGCONT)
        try await listener.message("WATCHDOG=1")
        #expect(try await process.terminate() == 0)
    }

    @Test func `a watchdog that is for another process is not fed`() async throws {
        let deployment = try await Deployment()
        let listener = try NotificationListener(deployment.scratch("notify.socket"))
        _ = try server(
            deployment, ["NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"])
        try await listener.message("READY=1")
        #expect(try await !listener.lines(within: .milliseconds(500)).contains("WATCHDOG=1"))
    }
}
