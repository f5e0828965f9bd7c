import Foundation
import HamsterTesting
import Testing

/// The client and the server without TLS, which both have to be told.
struct FilesArriveInPlainTextTests {
    @Test(arguments: [false, true])
    func `files that are sent arrive identical, and send ends`(isCompressed: Bool) async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let files = ["a.log": logText(bytes: 500_000), "empty.log": [], "no end.log": Array("first\nsecond".utf8)]
        let paths = try files.map { try deployment.scratch.write("source/\($0.key)", $0.value) }

        let result = try await deployment.send(
            paths, target: isCompressed ? "compress = true" : "", tls: "enabled = false")

        #expect(result.exitCode == 0, "\(result.errors)")
        for (name, bytes) in files {
            let isSame = deployment.stored(name) == bytes
            #expect(isSame, "\(name)")
        }
    }

    @Test func `a followed file is delivered when it is rotated, and the next one after it`() async throws {
        let deployment = try await Deployment.plain()
        _ = try await deployment.startPlainServer()
        let client = try deployment.startClient(tls: "enabled = false", input: "path = \"source/*.log\"")

        try deployment.scratch.append("source/app.log", "first\n")
        try await deployment.waitUntilStored("app.log", Array("first\n".utf8))
        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")
        try deployment.scratch.append("source/app.log.1", "second\n")
        try deployment.scratch.append("source/app.log", "third\n")

        try await deployment.waitUntilStored("app.log", Array("first\nsecond\nthird\n".utf8))
        try await client.waitForError("file delivered")
        #expect(try await client.terminate() == 0)
    }
}
