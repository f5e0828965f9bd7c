import HamsterTesting
import Testing

/// What was renamed while no client ran goes on where it was, before what follows it.
struct FilesAreRotatedWhileTheClientIsDownTests {
    @Test func `a renamed file that the glob still finds is finished first, under its old path`() async throws {
        let deployment = try await Deployment()
        let (old, late, new) = (
            logText(bytes: 400_000), logText(bytes: 3_000_000, seed: 2), logText(bytes: 500_000, seed: 3)
        )
        try deployment.scratch.write("source/app.log", old)
        _ = try await deployment.startServer()
        let input = "path = \"source/app.log*\""
        let first = try deployment.startClient(input: input)
        try await deployment.waitUntilStored("app.log", old)
        try await first.terminate()

        try deployment.scratch.append("source/app.log", late)
        try deployment.scratch.rename("source/app.log", to: "source/app.log.1")
        try deployment.scratch.write("source/app.log", new)
        let second = try deployment.startClient(input: input)

        try await deployment.waitUntilStored("app.log", old + late + new)
        #expect(deployment.stored("app.log.1") == nil)
        #expect(try await second.terminate() == 0)
    }
}
