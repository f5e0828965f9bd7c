import Foundation
import HamsterCore
import HamsterEnrollment
import HamsterFiles
import HamsterTesting
import Testing

struct AuditLogTests {
    private let scratch: ScratchDirectory
    private let log: AuditLog

    init() throws {
        scratch = try ScratchDirectory()
        _ = try TokenFolder(stateDirectory: scratch.path, fileSystem: LinuxFileSystem())
        log = try AuditLog(stateDirectory: scratch.path, fileSystem: LinuxFileSystem())
    }

    private func entry(_ host: String) -> AuditLog.Entry {
        var entry = AuditLog.Entry(.enrolled, host: host, at: 1_700_000_000)
        entry.serial = "0A"
        entry.address = "10.0.0.1"
        return entry
    }

    @Test func `what is appended is there, in order`() throws {
        #expect(try log.entries().entries.isEmpty)
        try log.append(entry("web1"))
        try log.append(entry("web2"))
        #expect(try log.entries().entries == [entry("web1"), entry("web2")])
    }

    @Test func `half a line, as a power cut leaves it, takes no other one with it`() throws {
        try log.append(entry("web1"))
        let path = scratch("enroll/audit.jsonl")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.dropLast(10).write(to: URL(fileURLWithPath: path))
        try log.append(entry("web2"))
        let content = try log.entries()
        let (entries, damagedLines) = (content.entries, content.damagedLines)
        #expect(entries == [entry("web2")])
        #expect(damagedLines.isEmpty)
    }

    @Test func `a file that is read in parts is read whole`() throws {
        try log.append(entry("web1"))
        let line = try Data(contentsOf: URL(fileURLWithPath: scratch("enroll/audit.jsonl")))
        let count = 3 * (1 << 20) / line.count
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch("enroll/audit.jsonl")))
        for _ in 1...count { try handle.seekToEnd(); try handle.write(contentsOf: line) }
        try handle.write(contentsOf: Data("torn".utf8))
        try handle.close()
        let content = try log.entries()
        let (entries, damagedLines) = (content.entries, content.damagedLines)
        #expect(entries.count == count + 1 && damagedLines.isEmpty)
        #expect(entries.allSatisfy { $0 == entry("web1") })
        #expect(try log.entries { $0.host == "web2" }.entries.isEmpty)
        // What is appended later is all that is read from there on, behind the torn line.
        try log.append(entry("web2"))
        let rest = try log.entries(from: content.end)
        #expect(rest.entries == [entry("web2")] && rest.damagedLines.isEmpty)
    }

    @Test func `a line that can't be read is told by its number`() throws {
        try log.append(entry("web1"))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch("enroll/audit.jsonl")))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("\n{}\n".utf8))
        try handle.close()
        let before = try log.entries()
        #expect(before.damagedLines == [3])
        try log.append(entry("web2"))
        #expect(try log.entries(from: before.end).damagedLines.isEmpty)
        #expect(try log.entries().entries.count == 2)
    }

    @Test func `what a host is called can forge no line`() throws {
        try log.append(entry("web1\"}\n{\"event\":\"renewed"))
        #expect(try log.entries().entries.map(\.host) == ["web1\"}\n{\"event\":\"renewed"])
    }
}
