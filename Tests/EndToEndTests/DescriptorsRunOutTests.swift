import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// The limit of open files is reached: what is open goes on, the rest waits.
struct DescriptorsRunOutTests {
    @Test func `connections wait for descriptors, without a busy loop, and streams go on`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let stream = try await RawConnection.greeted(port: deployment.port)
        try await stream.open("web1:/var/log/app.log ack:1 file:a offset:0")
        try await stream.send("before")
        try await stream.waitForAcknowledgement(of: 6)

        let start = ContinuousClock.now
        let limit = try await server.useUpDescriptors()
        let waiting = try (0..<10).map { _ in try RawConnection(port: deployment.port) }
        try await server.waitForError("connections wait: none can be accepted")
        for count in 1...20 {
            try await stream.send("0123456789")
            try await stream.waitForAcknowledgement(of: 6 + 10 * count)
        }
        try await server.setDescriptorLimit(limit)
        for connection in waiting { #expect(try await connection.line().hasPrefix("### ")) }

        let counters = try StatusRequest.fetch(in: deployment.scratch("server-state"), timeout: patience)[
            "counters"]
        guard case .integer(let failures) = counters?["accept_failures"] else {
            throw TestingError("no accept_failures in \(counters?.text ?? "nothing")")
        }
        // It asks again every 200 ms; one that does so at once fails some thousand times a second.
        #expect((1...20 + Int((ContinuousClock.now - start) / .milliseconds(100))).contains(failures))
        #expect(server.errors.components(separatedBy: "connections wait").count == 2)
        #expect(try await server.terminate() == 0)
    }

    @Test func `an output that finds no descriptor is answered with 507, and opened once there is one`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)

        let limit = try await server.useUpDescriptors()
        let request = "INIT STREAM web1:/var/log/app.log ack:1 file:a offset:0"
        #expect(try await connection.ask(request) == "507 the output cannot be written")
        try await server.waitForError("raise the limit of open files")
        try await server.setDescriptorLimit(limit)

        #expect(try await connection.ask(request).hasPrefix("200 "))
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
    }

    @Test func `a soft limit is raised to the hard one, and less than the connections need is told`() async throws {
        let deployment = try await Deployment.plain()
        try write(connectionsMax: 10_000, deployment)
        let server = try startWithFewDescriptors(deployment)

        try await server.waitForError("limit of open files files=512")
        try await server.waitForError("fewer files may be open than max_connections needs")
        try await server.waitForError("listening")
        #expect(try await server.terminate() == 0)
    }

    @Test func `it is told at a reload, too`() async throws {
        let deployment = try await Deployment.plain()
        try write(connectionsMax: 256, deployment)
        let server = try startWithFewDescriptors(deployment)
        try await server.waitForError("listening")
        #expect(!server.errors.contains("fewer files"), "\(server.errors)")

        try write(connectionsMax: 257, deployment)
        server.send(signal: SIGHUP)

        try await server.waitForError("fewer files may be open than max_connections needs")
        #expect(try await server.terminate() == 0)
    }

    private func write(connectionsMax: Int, _ deployment: Deployment) throws {
        try deployment.scratch.write(
            "low.toml",
            """
            listen = "127.0.0.1:0"
            directory = "stored"
            state = "low-state"
            debug = true
            [tls]
            enabled = false
            [limits]
            max_connections = \(connectionsMax)
            """)
    }

    private func startWithFewDescriptors(_ deployment: Deployment) throws -> ChildProcess {
        try ChildProcess(
            "/bin/sh",
            [
                "-c", "ulimit -Sn 64; ulimit -Hn 512; exec \"$0\" --config low.toml",
                try Repository.program("loghamsterd"),
            ],
            in: deployment.scratch)
    }

    @Test func `outputs are closed when their streams have ended`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let output = deployment.scratch("stored/web1/var/log/app.log")
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/var/log/app.log ack:1 file:a offset:0")
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
        #expect(try server.openFiles().contains(output))

        connection.finish()
        #expect(try await connection.linesUntilEnd() == ["ACK 4"])
        try await eventually("the output to be closed") { try !server.openFiles().contains(output) }
    }
}
