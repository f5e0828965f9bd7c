import Foundation
import HamsterCore
import HamsterFiles
import HamsterTail
import HamsterTesting
import Testing

struct DirectoryScanTests {
    let directory: ScratchDirectory

    init() throws { directory = try ScratchDirectory() }

    private func scan(_ patterns: String...) throws -> DirectoryScan {
        let patterns = try patterns.map { try #require(PathPattern(directory.path + $0)) }
        return DirectoryScan(patterns, fileSystem: LinuxFileSystem())
    }

    /// Without the scratch directory's own path.
    private func names(_ paths: some Sequence<SourcePath>) -> Set<String> {
        Set(paths.map { String($0.description.dropFirst(directory.path.count)) })
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: directory(name), withDestinationPath: target)
    }

    @Test(arguments: 0..<40)
    func `the scan of a random tree finds the files that the pattern matches, and no other`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var files: Set<String> = []
        for _ in 0..<random.int(1...25) {
            let parts = (0..<random.int(1...3)).map { _ in random.pick(["a", "b", ".h", "ab"]) }
            // A name that ends in `.log` is a file, any other a directory.
            let name = "/" + parts.joined(separator: "/") + "/" + random.pick(["x.log", ".x.log", "a.log"])
            try directory.write(name, "")
            files.insert(name)
        }
        for _ in 0..<12 {
            let pieces = ["a", "b", "*", "**", "?", ".*", "[ab]", "a*"]
            let parts = (0..<random.int(0...3)).map { _ in random.pick(pieces) }
            let last = random.pick(["x.log", "*.log", "*", "**", "?.log", ".*", ".x.log"])
            let text = "/" + (parts + [last]).joined(separator: "/")
            let pattern = try #require(PathPattern(directory.path + text))
            let expected = files.filter { pattern.matches(SourcePath(directory.path + $0)) }
            #expect(names(try scan(text).files.keys) == expected, "\(text)")
        }
    }

    @Test func `the directories that can change the answer are named`() throws {
        try directory.write("a/x/1.log", "")
        try directory.write("a/y/z/2.log", "")

        #expect(names(try scan("/a/*/1.log").directories) == ["/a", "/a/x", "/a/y"])
        #expect(names(try scan("/a/x/1.log").directories) == ["/a/x"])
        #expect(names(try scan("/a/**/*.log").directories) == ["/a", "/a/x", "/a/y", "/a/y/z"])
        #expect(names(try scan("/a/missing/deeper/*.log").directories) == ["/a"])
        #expect(names(try scan("/nothing.log").directories) == [""])
    }

    @Test func `links to files and directories are followed, a loop of them ends`() throws {
        try directory.write("real/1.log", "text")
        try link("file.log", to: "real/1.log")
        try link("linked", to: "real")
        try link("real/loop", to: "..")
        try link("dangling.log", to: "nowhere")
        try link("self.log", to: "self.log")

        #expect(names(try scan("/*.log").files.keys) == ["/file.log"])
        #expect(names(try scan("/*/1.log").files.keys) == ["/real/1.log", "/linked/1.log"])
        #expect(names(try scan("/**/1.log").files.keys) == ["/real/1.log"])
        #expect(try scan("/file.log").files.values.map(\.size) == [4])
    }

    @Test func `only regular files are found`() throws {
        try directory.write("dir.log/inside", "")
        #expect(mkfifo(directory("fifo.log"), 0o600) == 0)

        #expect(try scan("/*.log").files.isEmpty)
        #expect(try scan("/*.log").problems == [])
    }

    @Test func `a file that several patterns match is found once`() throws {
        try directory.write("a.log", "")
        #expect(names(try scan("/a.log", "/*.log", "/**").files.keys) == ["/a.log"])
    }

    @Test func `a name that is not UTF-8 is found`() throws {
        let name = [UInt8](directory.path.utf8) + [0x2F, 0xFF, 0x2E, 0x6C]
        let descriptor = open((name + [0]).map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(try scan("/*.l").files.keys.map(\.bytes) == [name])
    }
}
