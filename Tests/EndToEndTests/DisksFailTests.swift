import Foundation
import HamsterStatus
import HamsterTesting
import Testing

/// Real file systems that are full or read-only. Needs the right to mount.
@Suite(.enabled(if: SmallDisk.isAllowed, "this process may not mount file systems"))
struct DisksFailTests {
    @Test(arguments: [false, true])
    func `a full disk stops its output alone, and once it has room all arrives`(isKilled: Bool) async throws {
        let deployment = try await Deployment()
        let disk = try SmallDisk(at: deployment.scratch("small"), mebibytes: 20)
        try disk.fill(leaving: 3 << 20)
        let output =
            Self.toTheLastByte + "[output.small]\npath = \"\(disk.path)/app.log\"\nframing = \"bytes\""
        var server = try await deployment.startServer(extra: output)
        let (large, other) = (logText(bytes: 8_000_000), logText(bytes: 1_000_000, seed: 2))
        try deployment.scratch.write("source/small.log", large)
        _ = try deployment.startClient(input: "path = \"source/*.log\"")
        try await server.waitForError("free some space")

        try deployment.scratch.write("source/other.log", other)
        try await deployment.waitUntilStored("other.log", other)
        // What fits is still committed between the failures.
        try await eventually("the output to be failed") {
            let status = try StatusRequest.fetch(in: deployment.scratch("server-state"), timeout: patience)
            let failed = status["outputs"]?.elements.filter { $0["failed"] == .bool(true) }
            return failed?.map { $0["path"] } == [.string("\(disk.path)/app.log")]
        }
        if isKilled {
            try await server.killNow()
            server = try await deployment.startServer(extra: output)
        }
        try disk.removeFilling()

        try await eventually("all of the file") {
            FileManager.default.contents(atPath: "\(disk.path)/app.log") == Data(large)
        }
        #expect(try await server.terminate() == 0)
    }

    @Test func `a full state directory acknowledges nothing, and once it has room all`() async throws {
        let deployment = try await Deployment.plain()
        let disk = try SmallDisk(at: deployment.scratch("server-state"), mebibytes: 1)
        let server = try await deployment.startPlainServer()
        let connection = try await RawConnection.greeted(port: deployment.port)
        let request = "web1:/var/log/app.log ack:1 file:f offset:0"
        try await connection.open(request)
        try disk.fill(leaving: 0)

        // The journal's last page has room for some commits yet.
        var sent = 0
        let failure = "the journal can't be used"
        while !server.errors.contains(failure) {
            try await connection.send("0123456789")
            sent += 10
            try await awaitEither(connection, acknowledges: sent, or: { server.errors.contains(failure) })
        }
        let path = deployment.scratch("stored/web1/var/log/app.log")
        #expect(FileManager.default.contents(atPath: path)?.count == sent)
        let fresh = try await RawConnection.greeted(port: deployment.port)
        // Longer than what may be left of the page.
        let long = String(repeating: "/" + String(repeating: "x", count: 200), count: 4)
        let reply = try await fresh.ask("INIT STREAM web2:\(long) ack:1 file:g offset:0")
        #expect(reply == "500 the journal cannot be written")

        try disk.removeFilling()
        try await connection.waitForAcknowledgement(of: sent)
        try await server.killNow()
        _ = try await deployment.startPlainServer()
        let again = try await RawConnection.greeted(port: deployment.port)
        #expect(try await again.open(request).contains("offset:\(sent) "))
        #expect(FileManager.default.contents(atPath: path)?.count == sent)
    }

    @Test func `a read-only file system is answered with 507, and served once it is writable`() async throws {
        let deployment = try await Deployment.plain()
        let disk = try SmallDisk(at: deployment.scratch("stored"), mebibytes: 1)
        let server = try await deployment.startPlainServer(extra: Self.toTheLastByte)
        try disk.setReadOnly(true)
        let connection = try await RawConnection.greeted(port: deployment.port)
        let request = "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0"

        #expect(try await connection.ask(request) == "507 the output cannot be written")
        try await server.waitForError("remount the file system writable")
        try disk.setReadOnly(false)
        #expect(try await connection.ask(request).hasPrefix("200 "))
        try await connection.send("data")
        try await connection.waitForAcknowledgement(of: 4)
    }

    @Test func `outputs leave the space that is to stay free, and go on once there is more`() async throws {
        let deployment = try await Deployment.plain()
        let disk = try SmallDisk(at: deployment.scratch("stored"), mebibytes: 20)
        let server = try await deployment.startPlainServer(extra: "[durability]\nfree_space = \"8 MiB\"\n")
        try disk.fill(leaving: 7 << 20)
        let connection = try await RawConnection.greeted(port: deployment.port)
        let request = "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0"

        #expect(try await connection.ask(request) == "507 the output cannot be written")
        #expect(try await connection.ask(request) == "507 the output cannot be written")
        try disk.removeFilling()
        try await eventually("an open stream") {
            let probe = try await RawConnection.greeted(port: deployment.port)
            return try await probe.ask(request).hasPrefix("200 ")
        }
        let served = try await RawConnection.greeted(port: deployment.port)
        #expect(try await served.ask(request).hasPrefix("200 "))
        try await served.send("data")
        try await served.waitForAcknowledgement(of: 4)
        #expect(server.errors.components(separatedBy: "outputs refused until").count == 2)
        #expect(server.errors.components(separatedBy: "outputs accepted again").count == 2)
    }

    /// The disks here are smaller than what outputs leave free by default.
    private static let toTheLastByte = "[durability]\nfree_space = 0\n"

    private func awaitEither(
        _ connection: RawConnection, acknowledges offset: Int, or isOver: () -> Bool
    ) async throws {
        try await eventually("ACK \(offset), or that it can't be") {
            let line = try? await connection.line(timeout: .milliseconds(100))
            return line == "ACK \(offset)" || isOver()
        }
    }
}
