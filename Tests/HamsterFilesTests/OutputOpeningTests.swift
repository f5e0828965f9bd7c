import Foundation
import Glibc
import HamsterCore
import HamsterFiles
import Testing

@Suite struct OutputOpeningTests {
    let directory: TemporaryDirectory
    let fileSystem = LinuxFileSystem()

    init() throws { directory = try TemporaryDirectory() }

    func open(
        _ components: [String], _ opening: OutputOpening = OutputOpening()
    ) throws(FileError) -> any OutputFileHandle {
        let location = OutputLocation.beneath(base: directory.path, components: components.map { Array($0.utf8) })
        return try fileSystem.openOutput(location, opening)
    }

    @Test func `missing directories are made, and the modes are as asked`() throws {
        let output = try open(["web1", "var", "app.log"], OutputOpening(mode: 0o604))
        try output.append("one\n")

        let made = try #require(try fileSystem.status(of: directory.source("web1/var")))
        #expect(try directory.read("web1/var/app.log") == "one\n")
        #expect(try output.status().mode == 0o604)
        #expect(made.mode & 0o027 == 0)
        #expect(output.changedDirectories.count == 3)
        #expect(output.entryDirectories == ["", "/web1", "/web1/var"].map { SourcePath(directory.path + $0) })
    }

    @Test func `an absolute path is opened wherever it is`() throws {
        let path = directory.source("deep/er/app.log")
        let output = try fileSystem.openOutput(.absolute(path), OutputOpening())
        try output.append("x")

        let again = try fileSystem.openOutput(.absolute(path), OutputOpening())
        #expect(try directory.read("deep/er/app.log") == "x")
        #expect(again.entryDirectories == [directory.source("deep/er")])
    }

    @Test(arguments: [
        [], [""], ["."], [".."], ["a", "..", "b"], ["a", ""], ["a/b"], ["a\0b"], ["a\0"],
        [String(repeating: "x", count: 256)], [String(repeating: "x", count: 256), "a"],
    ])
    func `an illegal component is refused`(_ components: [String]) throws {
        let error = #expect(throws: FileError.self) { try self.open(components) }

        #expect(error?.refusal == .illegalPath)
        #expect(try fileSystem.entries(of: SourcePath(directory.path)).isEmpty)
    }

    @Test(arguments: ["var/../etc", "/", "/a//b", "/a/./b", "relative/a", "", "/a\0b"])
    func `an illegal absolute path is refused`(_ path: String) throws {
        let error = #expect(throws: FileError.self) {
            try self.fileSystem.openOutput(.absolute(SourcePath(path)), OutputOpening())
        }

        #expect(error?.refusal == .illegalPath)
    }

    @Test func `a name of 255 bytes is fine, UTF-8 or not`() throws {
        _ = try open([String(repeating: "x", count: 255)])
        let bytes: [UInt8] = [0xFF, 0xFE]
        _ = try fileSystem.openOutput(.beneath(base: directory.path, components: [bytes]), OutputOpening())

        #expect(try fileSystem.entries(of: SourcePath(directory.path)).contains { $0.name == bytes })
    }

    @Test func `a symbolic link that leads out is refused, one that stays inside is followed`() throws {
        let outside = try TemporaryDirectory()
        try #require(symlink(outside.path, directory.path + "/out") == 0)
        try #require(symlink("/etc/hostname", directory.path + "/file") == 0)
        try #require(symlink("..", directory.path + "/up") == 0)
        try #require(mkdir(directory.path + "/real", 0o755) == 0)
        try #require(symlink("real", directory.path + "/in") == 0)

        for components in [["out", "x"], ["file"], ["up", "x"], ["out", "new", "x"]] {
            let error = #expect(throws: FileError.self) { try self.open(components) }
            #expect(error?.code == EXDEV)
        }
        try open(["in", "x"]).append("inside")
        #expect(try directory.read("real/x") == "inside")
        #expect(try fileSystem.entries(of: SourcePath(outside.path)).isEmpty)
    }

    @Test func `a FIFO, a directory and a socket are refused without waiting`() throws {
        try #require(mkfifo(directory.path + "/fifo", 0o600) == 0)
        try #require(mkdir(directory.path + "/directory", 0o755) == 0)
        let reader = Glibc.open(directory.path + "/fifo", O_RDONLY | O_NONBLOCK)
        defer { close(reader) }

        let fifo = #expect(throws: FileError.self) { try self.open(["fifo"]) }
        let folder = #expect(throws: FileError.self) { try self.open(["directory"]) }
        let device = #expect(throws: FileError.self) {
            try self.fileSystem.openOutput(.absolute(SourcePath("/dev/null")), OutputOpening())
        }
        #expect(fifo?.refusal == .notRegular(.fifo))
        #expect(folder?.code == EISDIR)
        #expect(device?.refusal == .notRegular(.device))
    }

    @Test func `a missing file is not made unless asked for`() throws {
        let error = #expect(throws: FileError.self) { try self.open(["a", "b"], OutputOpening(isCreating: false)) }

        #expect(error?.isMissing == true)
        #expect(try fileSystem.entries(of: SourcePath(directory.path)).isEmpty)
    }

    @Test func `a base that was replaced is found again`() throws {
        let base = directory.path + "/base"
        try fileSystem.makeDirectory(base, mode: 0o750)
        let location = OutputLocation.beneath(base: base, components: [Array("x".utf8)])
        _ = try fileSystem.openOutput(location, OutputOpening())
        try FileManager.default.removeItem(atPath: base)
        try fileSystem.makeDirectory(base, mode: 0o750)

        try fileSystem.openOutput(location, OutputOpening()).append("new")
        #expect(try directory.read("base/x") == "new")
    }

    @Test func `appends go to the end, whatever the file was cut to`() throws {
        let output = try open(["x"])
        try output.append("0123456789")
        try output.truncate(to: 4)
        try output.append("ab")
        try output.synchronize()

        #expect(try directory.read("x") == "0123ab")
        #expect(try output.status().size == 6)
        #expect(fileSystem.synchronize([output, output]) == [nil, nil])
        #expect(fileSystem.synchronize([]).isEmpty)
    }

    @Test func `an append that fails half way is cut back`() throws {
        let output = try open(["sparse"])
        // The largest size that this file system allows: the file is sparse and takes no room.
        var (fits, fails) = (0 as UInt64, UInt64(Int64.max) + 1)
        while fails - fits > 1 {
            let middle = fits + (fails - fits) / 2
            if (try? output.truncate(to: middle)) != nil { fits = middle } else { fails = middle }
        }
        try output.truncate(to: fits - 3)

        let error = #expect(throws: FileError.self) { try output.append("0123456789") }
        #expect(error?.code == EFBIG)
        #expect(error?.remains == .cutBack(bytes: 3))
        #expect(try output.status().size == fits - 3)
    }

    @Test func `a full disk is told as such`() throws {
        let error = FileError(.append, SourcePath("/var/log/x"), code: ENOSPC)

        #expect(error.isFull)
        #expect("\(error)" == "/var/log/x: append: no space left on device (free some space)")
    }
}
