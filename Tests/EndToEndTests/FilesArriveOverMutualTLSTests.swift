import Foundation
import HamsterTesting
import Testing

/// The main job: files arrive over mutual TLS, byte by byte.
struct FilesArriveOverMutualTLSTests {
    @Test func `files of every shape arrive identical`() async throws {
        let deployment = try await Deployment()
        let shapes: [String: [UInt8]] = [
            "plain.log": logText(bytes: 300_000),
            "empty.log": [],
            "no last newline.log": Array("first\nsecond".utf8),
            "junk.bin": (0..<100_000).map { _ in UInt8.random(in: 0...255) },
            "with space, 100% and ümlaut.log": Array("x\n".utf8),
            String(repeating: "n", count: 200): Array("long name\n".utf8),
            "only-newlines.log": Array(repeating: 10, count: 1_000),
            "nul.log": Array(repeating: 0, count: 70_000),
        ]
        var paths: [String] = []
        for (name, bytes) in shapes { paths.append(try deployment.scratch.write("source/\(name)", bytes)) }
        let server = try await deployment.startServer()

        let result = try await deployment.send(paths)

        #expect(result.exitCode == 0, "\(result.errors)")
        for (name, bytes) in shapes {
            let isSame = deployment.stored(name) == bytes
            #expect(isSame, "\(name)")
        }
        #expect(try await server.terminate() == 0)
        #expect(server.errors.contains("stopped"))
    }

    @Test func `a thousand files arrive identical`() async throws {
        let deployment = try await Deployment()
        var paths: [String] = []
        for number in 0..<1_000 {
            paths.append(
                try deployment.scratch.write("source/\(number).log", logText(bytes: 500 + number, seed: UInt64(number)))
            )
        }
        _ = try await deployment.startServer()

        let result = try await deployment.send(paths)

        #expect(result.exitCode == 0, "\(result.errors)")
        for number in 0..<1_000 {
            let isSame = deployment.stored("\(number).log") == logText(bytes: 500 + number, seed: UInt64(number))
            #expect(isSame, "\(number).log")
        }
    }

    @Test func `sending twice stores once`() async throws {
        let deployment = try await Deployment()
        let bytes = logText(bytes: 50_000)
        let path = try deployment.scratch.write("source/a.log", bytes)
        _ = try await deployment.startServer()

        for _ in 0..<2 { #expect(try await deployment.send([path]).exitCode == 0) }

        let isSame = deployment.stored("a.log") == bytes
        #expect(isSame)
    }

    @Test func `compressed files arrive identical`() async throws {
        let deployment = try await Deployment()
        let bytes = logText(bytes: 3_000_000)
        let path = try deployment.scratch.write("source/a.log", bytes)
        _ = try await deployment.startServer()

        let result = try await deployment.send([path], target: "compress = true")

        #expect(result.exitCode == 0, "\(result.errors)")
        let isSame = deployment.stored("a.log") == bytes
        #expect(isSame)
    }
}
