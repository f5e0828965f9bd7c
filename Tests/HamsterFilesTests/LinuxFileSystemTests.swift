import Foundation
import Glibc
import HamsterCore
import HamsterFiles
import Testing

@Suite struct LinuxFileSystemTests {
    let directory: TemporaryDirectory
    let fileSystem = LinuxFileSystem()

    init() throws { directory = try TemporaryDirectory() }

    @Test func `a replaced file has the new content and mode, and leaves no temporary file`() throws {
        let path = directory.path + "/state"
        #expect(try fileSystem.contents(of: path, bytesMax: 10) == nil)
        try fileSystem.replace(path, with: Array("first".utf8), mode: 0o640)
        try fileSystem.replace(path, with: Array("second".utf8), mode: 0o600)

        #expect(try fileSystem.contents(of: path, bytesMax: 6) == Array("second".utf8))
        #expect(try fileSystem.status(of: SourcePath(path))?.mode == 0o600)
        #expect(try fileSystem.entries(of: SourcePath(directory.path)).map(\.name) == [Array("state".utf8)])
    }

    @Test func `a file larger than allowed is not read`() throws {
        try directory.write("1234567", to: "large")

        let error = #expect(throws: FileError.self) {
            try self.fileSystem.contents(of: self.directory.path + "/large", bytesMax: 6)
        }
        #expect(error?.code == EFBIG)
    }

    @Test func `a temporary name that is a symbolic link is not followed`() throws {
        try directory.write("precious", to: "target")
        try #require(symlink(directory.path + "/target", directory.path + "/state.new") == 0)

        #expect(throws: FileError.self) {
            try self.fileSystem.replace(self.directory.path + "/state", with: [1], mode: 0o600)
        }
        #expect(try directory.read("target") == "precious")
    }

    @Test func `a lock is held by one until it is released`() throws {
        let path = directory.path + "/lock"
        let first = try fileSystem.lock(path)
        let error = #expect(throws: FileError.self) { try self.fileSystem.lock(path) }
        first.release()
        first.release()

        #expect(error?.isLocked == true)
        #expect(throws: Never.self) { try self.fileSystem.lock(path) }
    }

    @Test func `reads come from any offset and end at the end`() throws {
        try directory.write("0123456789", to: "x")
        let file = try fileSystem.open(directory.source("x"))

        #expect(try file.bytes(at: 3, count: 4) == Array("3456".utf8))
        #expect(try file.bytes(at: 8, count: 10) == Array("89".utf8))
        #expect(try file.bytes(at: .max, count: 1).isEmpty)
        let cached = try withUnsafeTemporaryAllocation(byteCount: 4, alignment: 1) {
            try file.readCached(into: $0, at: 6)
        }
        #expect(cached == 4 || cached == nil)
    }

    @Test func `only regular files are opened for reading, and a FIFO without waiting`() throws {
        try #require(mkfifo(directory.path + "/fifo", 0o600) == 0)

        let fifo = #expect(throws: FileError.self) { try self.fileSystem.open(self.directory.source("fifo")) }
        let folder = #expect(throws: FileError.self) { try self.fileSystem.open(SourcePath(self.directory.path)) }
        let none = #expect(throws: FileError.self) { try self.fileSystem.open(self.directory.source("none")) }
        let nul = #expect(throws: FileError.self) { try self.fileSystem.open(self.directory.source("a\0b")) }
        #expect(fifo?.refusal == .notRegular(.fifo))
        #expect(folder?.code == EISDIR)
        #expect(none?.isMissing == true)
        #expect(nul?.refusal == .illegalPath)
    }

    @Test func `identity survives a rename and an append, and differs after a replacement`() throws {
        try directory.write("one", to: "a")
        let before = try #require(try fileSystem.status(of: directory.source("a"))).identity
        try fileSystem.rename(directory.source("a"), to: directory.source("b"))
        try directory.write("two", to: "a")

        let output = try fileSystem.openOutput(.absolute(directory.source("b")), OutputOpening())
        try output.append("more")
        #expect(try fileSystem.status(of: directory.source("b"))?.identity == before)
        #expect(try fileSystem.status(of: directory.source("a"))?.identity != before)
        #expect(try fileSystem.status(of: directory.source("none")) == nil)
    }

    @Test func `identity takes the device only where there is no birth time`() {
        let born = FileTime(nanoseconds: 7)

        #expect(FileIdentity(inode: 1, born: born, device: 2) == FileIdentity(inode: 1, born: born, device: 3))
        #expect(FileIdentity(inode: 1, born: nil, device: 2) != FileIdentity(inode: 1, born: nil, device: 3))
    }

    @Test func `a writer is seen while it has the file open`() throws {
        let path = directory.source("x")
        var writer: (any OutputFileHandle)? = try fileSystem.openOutput(.absolute(path), OutputOpening())
        let file = try fileSystem.open(path)

        #expect(try file.hasWriter() == true)
        #expect(writer != nil)
        writer = nil
        #expect(try file.hasWriter() == false)
    }

    @Test func `directories are made with what is missing above, and entries are told with their kinds`() throws {
        try fileSystem.makeDirectory(directory.path + "/a/b/c/", mode: 0o750)
        try fileSystem.makeDirectory(directory.path + "/a/b", mode: 0o750)
        try directory.write("", to: "a/file")
        try fileSystem.synchronizeDirectory(directory.source("a"))

        let entries = try fileSystem.entries(of: directory.source("a"))
        let kinds = Dictionary(
            uniqueKeysWithValues: entries.map { (String(decoding: $0.name, as: UTF8.self), $0.kind) })
        #expect(kinds == ["b": .directory, "file": .regular])
        let error = #expect(throws: FileError.self) {
            try self.fileSystem.makeDirectory(self.directory.path + "/a/file", mode: 0o750)
        }
        #expect(error?.code == ENOTDIR)
    }

    @Test func `a removed name is gone`() throws {
        try directory.write("x", to: "x")
        try fileSystem.remove(directory.source("x"))

        let error = #expect(throws: FileError.self) { try self.fileSystem.remove(self.directory.source("x")) }
        #expect(error?.isMissing == true)
    }
}
