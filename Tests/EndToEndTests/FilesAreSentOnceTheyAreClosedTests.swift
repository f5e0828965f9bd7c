import Foundation
import HamsterTesting
import Testing

/// A spool directory: a program writes files and closes them, the client sends and removes them.
struct FilesAreSentOnceTheyAreClosedTests {
    private static let input = "path = \"source/*\"\nmethod = \"close\"\nonrotate = \"delete\"\nrotate_wait = \"100ms\""

    @Test func `closed files are sent whole and removed, open ones stay`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        let client = try deployment.startClient(input: Self.input)
        let openFile = deployment.scratch("source/open.job")
        // Open from its first moment on: one that is closed for 100 ms is sent and removed.
        let writer = try OpenWriter(openFile)
        try writer.append("begun ")
        var jobs: [String: [UInt8]] = [:]

        for number in 1...20 {
            let bytes = logText(bytes: number * 1_000, seed: UInt64(number))
            try deployment.scratch.write("source/\(number).job", bytes)
            jobs["\(number).job"] = bytes
        }

        for (name, bytes) in jobs {
            try await deployment.waitUntilStored(name, bytes)
            try await eventually("\(name) to be removed") { deployment.scratch.contents("source/\(name)") == nil }
        }
        #expect(FileManager.default.fileExists(atPath: openFile))
        #expect(deployment.storedSize("open.job") == 0)
        try writer.append("ended\n")
        try writer.close()
        try await deployment.waitUntilStored("open.job", Array("begun ended\n".utf8))
        try await eventually("the last file to be removed") { !FileManager.default.fileExists(atPath: openFile) }
        #expect(try await client.terminate() == 0)
    }

    @Test func `a file whose server is killed before its commit is still there, and is sent again`() async throws {
        let deployment = try await Deployment()
        let lazy = "[durability]\ncommit_interval = \"60s\"\ncommit_bytes = \"1 GiB\""
        var server = try await deployment.startServer(extra: lazy)
        // The end of a file is committed at once: it doesn't get there.
        let proxy = try FaultyProxy(to: deployment.port) { number in
            number == 0 ? FaultyProxy.Fault(.swallowFromClient, afterBytes: 200_000) : nil
        }
        let client = try deployment.startClient(target: "port = \(proxy.port)", input: Self.input)
        let bytes = logText(bytes: 300_000)
        let file = try deployment.scratch.write("source/a.job", bytes)
        try await eventually("most of the bytes in the output") { deployment.storedSize("a.job") > 100_000 }

        #expect(FileManager.default.fileExists(atPath: file))
        try await server.killNow()
        #expect(FileManager.default.fileExists(atPath: file))
        server = try await deployment.startServer()

        try await deployment.waitUntilStored("a.job", bytes)
        try await eventually("the file to be removed") { !FileManager.default.fileExists(atPath: file) }
        #expect(try await client.terminate() == 0)
    }

    @Test func `killing the client around removals loses and repeats nothing`() async throws {
        let deployment = try await Deployment()
        _ = try await deployment.startServer()
        var client = try deployment.startClient(input: Self.input)
        var jobs: [String: [UInt8]] = [:]

        for number in 1...40 {
            let bytes = logText(bytes: 5_000, seed: UInt64(number))
            try deployment.scratch.write("source/\(number).job", bytes)
            jobs["\(number).job"] = bytes
            guard number.isMultiple(of: 8) else { continue }
            try await eventually("one of the files to be removed") {
                try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("source")).count < jobs.count
            }
            try await client.killNow()
            client = try deployment.startClient(input: Self.input)
        }

        for (name, bytes) in jobs { try await deployment.waitUntilStored(name, bytes) }
        try await eventually("an empty spool") {
            try FileManager.default.contentsOfDirectory(atPath: deployment.scratch("source")).isEmpty
        }
        #expect(try await client.terminate() == 0)
    }
}
