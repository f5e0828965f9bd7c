import Foundation
import HamsterTesting
import Testing

/// Listeners for load balancers (PROXY protocol) and sockets that systemd hands over.
struct ConnectionsComeThroughOthersTests {
    /// Version 2, from 192.0.2.7.
    private static let header: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10] + Array("QUIT\n".utf8)
        + [0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x1B, 0x5F]

    private func serve(_ deployment: Deployment, from: String) async throws -> (ChildProcess, ReservedPort) {
        let port = try ReservedPort()
        let server = try await deployment.startPlainServer(
            extra: "[proxy_protocol]\nlisten = \"127.0.0.1:\(port.number)\"\nfrom = [\"\(from)\"]")
        try await server.waitForError("listening address=127.0.0.1:\(port.number)")
        return (server, port)
    }

    @Test func `a listed load balancer says where the stream comes from`() async throws {
        let deployment = try await Deployment.plain()
        let (server, port) = try await serve(deployment, from: "127.0.0.0/8")
        let connection = try RawConnection(port: port.number)
        try await connection.send(Self.header)
        #expect(try await connection.line() == "### Welcome to LogHamster server v0.1")
        _ = try await connection.line()
        try await connection.open("web1:/a.log ack:1 file:a offset:0")
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
        try await server.waitForError("address=192.0.2.7")

        // On the plain listener the header is garbage.
        let other = try await RawConnection.greeted(port: deployment.port)
        try await other.send(Self.header)
        #expect(try await other.line().hasPrefix("400 "))
    }

    @Test func `who says no header hears nothing`() async throws {
        let deployment = try await Deployment.plain()
        let (server, port) = try await serve(deployment, from: "127.0.0.1")
        let silent = try RawConnection(port: port.number)
        try await silent.send("INIT STREAM web1:/a.log\n")
        #expect(try await silent.linesUntilEnd() == [])
        try await server.waitForError("it does not begin with a PROXY header")
    }

    @Test func `who is not listed hears nothing`() async throws {
        let deployment = try await Deployment.plain()
        let (server, port) = try await serve(deployment, from: "192.0.2.1")
        let stranger = try RawConnection(port: port.number)
        #expect(try await stranger.linesUntilEnd() == [])
        try await server.waitForError("its address is not in proxy_protocol.from")
    }

    private static let activate = "/usr/bin/systemd-socket-activate"
    /// Of its environment it hands on nothing unasked: under a sanitizer the server has to know how.
    private static let passedOn = ["ASAN_OPTIONS", "TSAN_OPTIONS", "LD_PRELOAD"]
        .filter { ProcessInfo.processInfo.environment[$0] != nil }.map { "--setenv=\($0)" }

    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: activate), "systemd-socket-activate is not installed")
    )
    func `a socket that systemd opened is served, and not the configured address`() async throws {
        let deployment = try await Deployment.plain()
        let configured = try ReservedPort()
        let file = try deployment.scratch.write(
            "server.toml",
            """
            listen = "127.0.0.1:\(configured.number)"
            directory = "stored"
            state = "server-state"
            tls = { enabled = false }
            """)
        let server = try ChildProcess(
            Self.activate,
            Self.passedOn + [
                "--listen=127.0.0.1:\(deployment.port)", try Repository.program("loghamsterd"), "--config", file,
            ],
            in: deployment.scratch)
        try await server.waitForError("Listening on 127.0.0.1:\(deployment.port)")
        // The first connection starts the server, which finds it waiting.
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/a.log ack:1 file:a offset:0")
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
        #expect(throws: TestingError.self) { try RawConnection(port: configured.number) }
        #expect(try await server.terminate() == 0)
    }
}
