import Foundation
import HamsterTesting
import Testing

/// Outputs of files whose connections the client has closed take no descriptor of the server.
struct QuietOutputsAreClosedTests {
    @Test func `outputs without a stream are closed, and opened again for the next byte`() async throws {
        let deployment = try await Deployment.plain()
        let server = try await deployment.startPlainServer()
        let names = (0..<60).map { "\($0).log" }
        for name in names { try deployment.scratch.append("source/\(name)", "first of \(name)\n") }
        let input = "path = \"source/*.log\"\nclose_idle = \"200ms\""
        _ = try deployment.startClient(tls: "enabled = false", input: input)

        for name in names { try await deployment.waitUntilStored(name, Array("first of \(name)\n".utf8)) }
        let stored = deployment.scratch("stored")
        try await eventually("no open output; there are \((try? server.openFiles().count) ?? 0) open files") {
            try !server.openFiles().contains { $0.hasPrefix(stored + "/") }
        }
        try deployment.scratch.append("source/7.log", "second\n")

        try await deployment.waitUntilStored("7.log", Array("first of 7.log\nsecond\n".utf8))
    }
}
