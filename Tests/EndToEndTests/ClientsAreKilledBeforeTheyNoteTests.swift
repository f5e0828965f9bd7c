import Foundation
import HamsterTesting
import Testing

/// What a client knew in its last second is lost with it. What is on its disk has to be enough.
struct ClientsAreKilledBeforeTheyNoteTests {
    private static let state = "client-state/client.state"

    @Test(arguments: [false, true])
    func `a copy of what the server has is not sent again`(removes: Bool) async throws {
        let deployment = try await Deployment()
        // The first commit comes at once, and no other one before the kill.
        _ = try await deployment.startServer(extra: "[durability]\ncommit_interval = \"10s\"")
        let client = try deployment.startClient(input: "path = \"source/*.log\"")
        try deployment.scratch.write("source/first.log", "of another file\n")
        try await deployment.waitUntilNoted("offset=16 ")

        let content = logText(bytes: 5_000, seed: 1)
        try deployment.scratch.write("source/app.log", content)
        try await deployment.waitUntilNoted(" begun=")
        let noted = try #require(deployment.scratch.contents(Self.state))
        try await deployment.waitUntilStored("app.log", content)
        try deployment.scratch.write("source/app.log.1", content)
        try deployment.scratch.append("source/app.log", "after the copy\n")
        let arrived = content + Array("after the copy\n".utf8)
        try await deployment.waitUntilStored("app.log", arrived)
        try await client.killNow()
        try deployment.scratch.write(Self.state, noted)
        if removes { try FileManager.default.removeItem(atPath: deployment.scratch("source/app.log")) }
        try deployment.scratch.write("source/app.log", "new\n")

        let next = try deployment.startClient(input: "path = \"source/*.log\"")
        try await deployment.waitUntilStored("app.log", arrived + Array("new\n".utf8))
        try deployment.scratch.append("source/app.log", "end\n")
        try await deployment.waitUntilStored("app.log", arrived + Array("new\nend\n".utf8))
        #expect(try await next.terminate() == 0)
    }
}

extension Deployment {
    fileprivate func waitUntilNoted(_ text: String) async throws {
        try await eventually("\(text) in the state") {
            scratch.contents("client-state/client.state").map { String(decoding: $0, as: UTF8.self) }?.contains(text)
                ?? false
        }
    }
}
