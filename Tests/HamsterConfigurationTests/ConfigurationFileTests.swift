import HamsterClient
import HamsterConfiguration
import HamsterFiles
import HamsterTail
import HamsterTesting
import Testing

struct ConfigurationFileTests {
    let directory: ScratchDirectory

    init() throws { directory = try ScratchDirectory() }

    func read(_ path: String) throws -> ConfigurationFile {
        try ConfigurationFile(reading: path, workingDirectory: directory.path, fileSystem: LinuxFileSystem())
    }

    @Test func `a relative path starts at the working directory, and the file's own paths at its directory`() throws {
        try directory.write("conf/c.toml", "target = { hostname = \"log\" }\n[[input]]\npath = \"a\"\n")
        let settings = try ClientSettings(try read("conf/c.toml"), defaults: systemDefaults)

        #expect(settings.client.inputs[0].files.patterns.map(\.pattern) == ["\(directory.path)/conf/a"])
    }

    @Test func `a missing file is named`() {
        #expect(
            problems { _ = try read("/nowhere/c.toml") } == [
                "/nowhere/c.toml: there is no such file: check the path given with --config"
            ])
    }

    @Test func `a file that is not UTF-8 is refused`() throws {
        let path = try directory.write("c.toml", [0x61, 0xFF, 0x0A])
        #expect(problems { _ = try read("c.toml") } == ["\(path): the file is not UTF-8 text"])
    }

    @Test func `a directory or a huge file is no configuration`() throws {
        #expect(problems { _ = try read(directory.path) }.first?.hasPrefix("\(directory.path): ") == true)
        let path = try directory.write("huge", [UInt8](repeating: 10, count: 4 << 20 + 1))
        #expect(problems { _ = try read(path) }.count == 1)
    }
}

/// Texts that are no TOML; what the parser says of them is its own, so only the place is compared.
struct SyntaxErrorTests {
    @Test(arguments: [
        ("debug = = 1\n", "/c:1: debug: "), ("[target\nhostname = \"x\"\n", "/c:1: "), ("a\n", "/c:1: "),
        ("state = \"open\n", "/c:1: state: "),
        ("debug = true\ndebug = false\n", "/c:2: debug: "),
        ("[target]\nport = 1\nport = 2\n", "/c:3: port: "),
        ("[target]\nhostname = \"a\"\n[target]\n", "/c:3: "),
    ])
    func `a syntax error names its line`(text: String, start: String) {
        let lines = problems { _ = try clientSettings(text, path: "/c") }

        #expect(lines.contains { $0.hasPrefix(start) })
        #expect(!lines.contains { $0.contains("must stand in quotes") })
    }

    @Test func `no number of broken lines makes it run for ever`() {
        let text = String(repeating: "x = = 1\n", count: 1_000)
        #expect((1...30).contains(problems { _ = try clientSettings(text) }.count))
    }
}

struct SystemDefaultsTests {
    @Test(arguments: [
        (["STATE_DIRECTORY": "/var/lib/a"], "/var/lib/a"), (["STATE_DIRECTORY": "/a:/b"], "/a"),
        (["STATE_DIRECTORY": "/a", "XDG_STATE_HOME": "/x"], "/a"),
    ])
    func `systemd's directory counts first`(environment: [String: String], directory: String) {
        #expect(SystemDefaults(environment: environment).stateDirectory == directory)
    }

    @Test func `the system has a name and a working directory`() {
        let defaults = SystemDefaults(environment: [:])
        #expect(!defaults.hostName.isEmpty)
        #expect(defaults.workingDirectory.hasPrefix("/"))
    }
}
