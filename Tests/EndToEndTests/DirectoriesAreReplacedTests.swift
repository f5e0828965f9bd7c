import Foundation
import HamsterTesting
import Testing

/// A directory that another takes the place of is watched like the first.
struct DirectoriesAreReplacedTests {
    @Test func `a directory that is renamed and made anew is followed at once`() async throws {
        let deployment = try await Deployment()
        try deployment.scratch.write("source/d/a.log", "one\n")
        _ = try await deployment.startServer()
        _ = try deployment.startClient(input: "path = \"source/d/*.log\"")
        try await deployment.waitUntilStored("d/a.log", Array("one\n".utf8))

        try deployment.scratch.rename("source/d", to: "source/gone")
        try deployment.scratch.write("source/d/b.log", "two\n")
        try await deployment.waitUntilStored("d/b.log", Array("two\n".utf8), timeout: .seconds(15))
        try deployment.scratch.write("source/d/c.log", "three\n")
        try await deployment.waitUntilStored("d/c.log", Array("three\n".utf8), timeout: .seconds(15))
    }
}
