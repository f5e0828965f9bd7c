import HamsterCore
import HamsterTail
import Testing

struct PathPatternTests {
    @Test(arguments: [
        ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/b/a.log", false),
        ("/var/log/*.log", "/var/log/.a.log", false), ("/var/log/.*.log", "/var/log/.a.log", true),
        ("/var/*/a.log", "/var/.x/a.log", false), ("/var/?x", "/var/.x", false), ("/var/[.]x", "/var/.x", false),
        ("/var/**/a.log", "/var/a.log", true), ("/var/**/a.log", "/var/x/y/a.log", true),
        ("/var/**/*.log", "/var/x/.a.log", false), ("/var/**", "/var/x/a", true), ("/var/**", "/var", false),
        ("/var/**", "/var/x/.a", false), ("/var/**", "/var/.a", false), ("/var/**/**/a", "/var/a", true),
        ("//var///a", "/var/a", true), ("/var/a/", "/var/a", true), ("/var/\\*", "/var/*", true),
        ("/var/\\*", "/var/a", false), ("/v[aA]r/a", "/vAr/a", true), ("/var/**.log", "/var/a.log", true),
        ("/var/**.log", "/var/x/a.log", false),
    ])
    func `wildcards don't cross separators and don't show hidden files`(pattern: String, path: String, isMatch: Bool)
        throws
    {
        #expect(try #require(PathPattern(pattern)).matches(SourcePath(path)) == isMatch)
    }

    @Test(arguments: ["", "a", "*.log", "/", "//", "/a[", "/a/[b-a]"])
    func `a pattern must be absolute and well formed`(pattern: String) {
        #expect(PathPattern(pattern) == nil)
    }

    @Test(arguments: ["/a*[?", "/a/\\*", "/**", "/\u{FFFD}"])
    func `a literal pattern means one path, whatever its characters`(path: String) {
        let pattern = PathPattern(literal: SourcePath(path))
        #expect(pattern.matches(SourcePath(path)))
        #expect(!pattern.matches(SourcePath("/ab")))
        #expect(pattern.literalPath == SourcePath(path))
    }

    @Test func `a literal pattern may be of bytes that are not UTF-8`() {
        let path = SourcePath(bytes: [0x2F, 0xFF])
        #expect(PathPattern(literal: path).matches(path))
        #expect(PathPattern(literal: path).literalPath == path)
    }

    @Test func `only a pattern without wildcards means one path`() throws {
        #expect(try #require(PathPattern("/a//b/")).literalPath == SourcePath("/a/b"))
        #expect(try #require(PathPattern("/a/*")).literalPath == nil)
        #expect(try #require(PathPattern("/a/\\*")).literalPath == nil)
    }

    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", ""), ("a", "/", "a"),
    ])
    func `a path has a directory and a name`(path: String, directory: String, name: String) {
        #expect(SourcePath(path).directory == SourcePath(directory))
        #expect(SourcePath(path).name == Array(name.utf8))
    }

    @Test func `names are appended with one separator`() {
        #expect(SourcePath("/").appending(Array("a".utf8)) == SourcePath("/a"))
        #expect(SourcePath("/a").appending(Array("b".utf8)) == SourcePath("/a/b"))
        #expect(SourcePath(bytes: []).appending(Array("b".utf8)) == SourcePath("/b"))
    }
}
