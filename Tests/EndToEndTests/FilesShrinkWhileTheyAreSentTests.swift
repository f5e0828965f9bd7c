import Foundation
import HamsterTesting
import Testing

/// A file that is truncated while `send` waits starts over once, with what it holds then.
struct FilesShrinkWhileTheyAreSentTests {
    @Test func `send ends with what the file holds`() async throws {
        let deployment = try await Deployment()
        let path = try deployment.scratch.write("source/a.log", logText(bytes: 3_000_000))
        _ = try await deployment.startServer()
        #expect(try await deployment.send([path]).exitCode == 0)

        // The same inode, shorter, other bytes: what copy-and-truncate leaves behind.
        #expect(truncate(path, 0) == 0)
        let new = logText(bytes: 1_000, seed: 9)
        try deployment.scratch.append("source/a.log", new)
        #expect(try await deployment.send([path]).exitCode == 0)

        let isSame = deployment.stored("a.log") == logText(bytes: 3_000_000) + new
        #expect(isSame)
    }
}
