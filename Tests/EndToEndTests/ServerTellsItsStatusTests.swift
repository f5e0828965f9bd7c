import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// `loghamsterd status`: what the running server says of itself.
struct ServerTellsItsStatusTests {
    @Test func `streams, outputs and numbers are shown, as a table and as JSON`() async throws {
        let deployment = try await Deployment()
        let server = try await deployment.startServer()
        let bytes = logText(bytes: 100_000)
        try deployment.scratch.write("source/app.log", bytes)
        _ = try deployment.startClient()
        try await deployment.waitUntilStored("app.log", bytes)
        let document = try await deployment.statusDocument { document in
            document["streams"]?.elements.first?["acknowledged"] == .integer(bytes.count)
        }

        let source = deployment.scratch("source/app.log")
        let stream = try #require(document["streams"]?.elements.first)
        #expect(stream["host"] == .string("web1"))
        #expect(stream["path"] == .string(source))
        #expect(stream["received"] == .integer(bytes.count))
        #expect(stream["output"] == .string(deployment.scratch("stored/web1\(source)")))
        #expect(stream["peer"] == .string("web1"))
        #expect(stream["last_error"] == .null)
        let output = try #require(document["outputs"]?.elements.first)
        #expect(output["path"] == stream["output"])
        #expect(output["length"] == .integer(bytes.count))
        #expect(output["committed"] == .integer(bytes.count))
        #expect(output["streams"] == .integer(1))
        #expect(output["failed"] == .bool(false))
        #expect(document["uncommitted_bytes"] == .integer(0))
        #expect(document["connections"] == .integer(1))
        #expect(document["counters"]?["received_bytes"] == .integer(bytes.count))
        #expect(document["pid"] == .integer(Int(server.processID)))
        let socket = try FileManager.default.attributesOfItem(atPath: deployment.scratch("server-state/status.socket"))
        #expect((socket[.posixPermissions] as? Int) == 0o660)

        let table = try await deployment.status()
        #expect(table.exitCode == 0)
        #expect(table.output.contains("\(bytes.count)    \(bytes.count)        web1  web1:\(source)  -"))
        #expect(table.output.contains("connections 1, streams 1, outputs 1"))
    }

    @Test func `a failed output and its source are named, until bytes are committed`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let path = deployment.scratch("stored/web1/var/log/app.log")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let connection = try await RawConnection.greeted(port: deployment.port)
        let request = "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0"
        #expect(try await connection.ask(request).hasPrefix("507 "))

        let failed = try await deployment.statusDocument { _ in true }
        #expect(failed["outputs"]?.elements.first?["failed"] == .bool(true))
        #expect(failed["outputs"]?.elements.first?["path"] == .string(path))
        #expect(failed["failures"]?.elements.first?["reason"] == .string("507 the output cannot be written"))
        #expect(try await deployment.status().output.contains("is a directory"))

        try FileManager.default.removeItem(atPath: path)
        #expect(try await connection.ask(request).hasPrefix("200 "))
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
        let mended = try await deployment.statusDocument { $0["failures"]?.elements == [] }
        #expect(mended["outputs"]?.elements.first?["failed"] == .bool(false))
    }

    @Test func `what a stranger put into a path cannot drive the terminal`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        try await connection.open("web1:/var/log/a%0Aforged%1B[2J.log ack:1 file:f offset:0")

        let table = try await deployment.status().output
        #expect(table.contains(#"web1:/var/log/a\u{a}forged\u{1b}[2J.log"#))
        let document = try await deployment.statusDocument { _ in true }
        #expect(document["streams"]?.elements.first?["path"] == .string("/var/log/a\nforged\u{1B}[2J.log"))
    }

    @Test func `without a server it is one line and 69, also after a kill`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        try await server.killNow()
        let path = deployment.scratch("server-state/status.socket")
        #expect(FileManager.default.fileExists(atPath: path))

        let result = try await deployment.status()
        #expect(result.exitCode == 69)
        #expect(
            result.errors
                == "loghamsterd: \(path): nobody answers: is the program running, and with this state directory?\n")
        #expect(result.output == "")

        let next = try await deployment.startPlainServer()
        #expect(try await deployment.status().exitCode == 0)
        #expect(try await next.terminate() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `who may not ask is told so, with 77`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        chmod(deployment.scratch.path, 0o755)
        // Root may connect whatever the mode says, so root becomes nobody; an ordinary user takes the mode from itself.
        if geteuid() != 0 { chmod(deployment.scratch("server-state/status.socket"), 0) }

        let result = try await deployment.status(as: geteuid() == 0 ? 65_534 : nil)
        #expect(result.exitCode == 77)
        #expect(
            result.errors.contains("run this as the program's user, or as a member of its group"), "\(result.errors)")
    }

    @Test func `a file in the socket's place stops the start, and stays`() async throws {
        let deployment = try await Deployment.plain()
        let path = try deployment.scratch.write("server-state/status.socket", "precious")
        let server = try deployment.runServer(tls: "enabled = false")

        #expect(try await server.exitCode() == 74)
        #expect(server.errors.contains("\(path): is a regular file, not a socket: move it away"))
        #expect(deployment.scratch.contents("server-state/status.socket") == Array("precious".utf8))
    }
}
