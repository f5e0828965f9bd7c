import HamsterCore
import Testing

struct SourcePathTests {
    @Test(arguments: [
        ("/a/b", ["a", "b"]), ("/", [""]), ("/a/", ["a", ""]), ("//a", ["", "a"]), ("a/b", ["a", "b"]), ("", [""]),
        ("/..", [".."]),
    ])
    func `components are what stands between separators, empty ones too`(path: String, components: [String]) {
        #expect(SourcePath(path).components.map { String(decoding: $0, as: UTF8.self) } == components)
    }

    @Test func `bytes that are not UTF-8 are kept, and shown as a sign`() {
        let path = SourcePath(bytes: [0x2F, 0xFF, 0x61])
        #expect(path.bytes == [0x2F, 0xFF, 0x61])
        #expect(path.description == "/\u{FFFD}a")
        #expect(path != SourcePath("/\u{FFFD}a"))
    }

    @Test func `paths are in the order of their bytes`() {
        let sorted = [[], [0x2F], [0x2F, 0x2F], [0x2F, 0x61], [0x2F, 0xFF]].map { SourcePath(bytes: $0) }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test func `paths of the same bytes are one key, wherever their bytes are`() {
        let (path, same) = (SourcePath("/var/log/a"), SourcePath(bytes: Array("/var/log/a".utf8)))
        #expect(path == same && Set([path, same]).count == 1)
        #expect(path != SourcePath("/var/log/b") && path != SourcePath("/var/log/ab"))
        #expect(SourcePath(bytes: []) == SourcePath("") && SourcePath("") < path && !(path < same))
    }

    @Test func `a source is shown as the protocol writes it`() {
        #expect(StreamSource(host: "web1", path: SourcePath("/a")).description == "web1:/a")
    }
}

struct FileTokenTests {
    @Test(arguments: ["a", "5f1d-c2", "A.b_C-9", ".", String(repeating: "x", count: 128)])
    func `a token is 1 to 128 of its characters`(text: String) {
        #expect(FileToken(text)?.text == text)
        #expect(FileToken(text)?.description == text)
    }

    @Test(arguments: ["", "a b", "a/b", "a:b", "é", "a\n", "a%", String(repeating: "x", count: 129)])
    func `anything else is none`(text: String) {
        #expect(FileToken(text) == nil)
    }
}
