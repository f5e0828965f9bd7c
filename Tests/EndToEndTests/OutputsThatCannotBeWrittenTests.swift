import Foundation
import HamsterTesting
import Testing

/// What stands in the way of an output is answered with 507; nothing is written through it.
struct OutputsThatCannotBeWrittenTests {
    private static let stream = "INIT STREAM web1:/var/log/app.log ack:1 file:f offset:0"

    @Test(arguments: ["directory", "symlink", "dangling symlink", "fifo", "symlink above"])
    func `what is no regular file is left alone`(obstacle: String) async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let outside = try deployment.scratch.write("outside/app.log", "precious")
        try place(obstacle, deployment.scratch)

        let connection = try await RawConnection.greeted(port: deployment.port)
        #expect(try await connection.ask(Self.stream) == "507 the output cannot be written")

        #expect(FileManager.default.contents(atPath: outside) == Data("precious".utf8))
        #expect(deployment.scratch.contents("outside/new.log") == nil)
        try await server.waitForError("output not opened")
    }

    @Test func `once the obstacle is gone the same connection is served, and can be taken over`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        try place("directory", deployment.scratch)

        let first = try await RawConnection.greeted(port: deployment.port)
        #expect(try await first.ask(Self.stream) == "507 the output cannot be written")
        try FileManager.default.removeItem(atPath: deployment.scratch("stored/web1/var/log/app.log"))
        #expect(try await first.ask(Self.stream) == "200 OK Ready to accept data ack:1 offset:0")
        try await first.send("data")
        try await first.waitForAcknowledgement(of: 4)
        let second = try await RawConnection.greeted(port: deployment.port)

        let reply = try await second.ask(Self.stream)
        #expect(reply.hasPrefix("200 OK Ready to accept data ack:1 offset:4 check:"), "\(reply)")
        #expect(try await first.linesUntilEnd().last == "409 taken over by \(second.streamID)")
    }

    private func place(_ obstacle: String, _ scratch: ScratchDirectory) throws {
        let path = scratch("stored/web1/var/log/app.log")
        let files = FileManager.default
        try files.createDirectory(atPath: scratch("stored/web1/var/log"), withIntermediateDirectories: true)
        switch obstacle {
        case "directory": try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        case "symlink": try files.createSymbolicLink(atPath: path, withDestinationPath: scratch("outside/app.log"))
        case "dangling symlink":
            try files.createSymbolicLink(atPath: path, withDestinationPath: scratch("outside/new.log"))
        case "fifo": mkfifo(path, 0o644)
        default:
            try files.removeItem(atPath: scratch("stored/web1/var/log"))
            try files.createSymbolicLink(
                atPath: scratch("stored/web1/var/log"), withDestinationPath: scratch("outside"))
        }
    }
}
