import Foundation
import HamsterEnrollment
import HamsterFiles
import HamsterTesting
import Testing

struct TokenFolderTests {
    private let scratch: ScratchDirectory
    private let folder: TokenFolder

    init() throws {
        scratch = try ScratchDirectory()
        folder = try TokenFolder(stateDirectory: scratch.path, fileSystem: LinuxFileSystem())
    }

    private func record(_ host: String, end: Int64 = 2_000) -> TokenRecord {
        TokenRecord(host: host, verifier: [1, 2, 3], created: 1_000, end: end)
    }

    @Test func `tokens are kept over a restart, and nobody else may read them`() throws {
        try folder.add(record("web1"), id: "0123456789abcdef")
        let again = try TokenFolder(stateDirectory: scratch.path, fileSystem: LinuxFileSystem())
        #expect(try again.all().map(\.id) == ["0123456789abcdef"])
        #expect(try again.all().first?.record == record("web1"))
        for (name, mode) in [("enroll", 0o700), ("enroll/tokens", 0o700), ("enroll/tokens/0123456789abcdef", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: scratch(name))
            #expect(attributes[.posixPermissions] as? Int == mode)
        }
    }

    @Test func `what is damaged is no token`() throws {
        try folder.add(record("web1"), id: "0123456789abcdef")
        let path = scratch("enroll/tokens/0123456789abcdef")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in 0..<bytes.count - 1 {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
            #expect(try folder.all().isEmpty)
        }
    }

    @Test func `tokens that ended long ago are forgotten`() throws {
        try folder.add(record("web1", end: 2_000), id: "0123456789abcdef")
        try folder.add(record("web2", end: 900_000), id: "fedcba9876543210")
        try folder.tidy(at: 2_000 + 7 * 86_400 + 1)
        #expect(try folder.all().map(\.record.host) == ["web2"])
    }

    @Test(arguments: ["../decoy", "", "0123456789ABCDE", "0123456789abcdeg"])
    func `an id that is none removes nothing`(id: String) throws {
        #expect(try folder.remove(id) == false)
        #expect(FileManager.default.fileExists(atPath: scratch("enroll/tokens/decoy")))
    }
}
