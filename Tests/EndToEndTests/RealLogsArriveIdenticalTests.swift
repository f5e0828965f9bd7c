import Foundation
import HamsterTesting
import Testing

/// Real logs of many systems, from `../shared/corpus` where that folder is there, made up ones elsewhere.
struct RealLogsArriveIdenticalTests {
    @Test(arguments: [false, true])
    func `every file arrives identical`(isCompressed: Bool) async throws {
        let deployment = try await Deployment()
        let files = try corpus(deployment.scratch)
        _ = try await deployment.startServer()

        let result = try await deployment.send(files, target: isCompressed ? "compress = true" : "")

        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("\(files.count) of \(files.count) files, "))
        for file in files {
            let stored = FileManager.default.contents(atPath: deployment.scratch("stored/web1\(file)"))
            let isSame = stored == FileManager.default.contents(atPath: file)
            #expect(isSame && stored != nil, "\(file)")
        }
    }

    private func corpus(_ scratch: ScratchDirectory) throws -> [String] {
        let directory = URL(fileURLWithPath: "\(Repository.root)/../shared/corpus").standardizedFileURL.path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        guard names.isEmpty else { return names.sorted().map { "\(directory)/\($0)" } }
        return try (1...16).map { try scratch.write("source/\($0).log", logText(bytes: 20_000 * $0, seed: UInt64($0))) }
    }
}
