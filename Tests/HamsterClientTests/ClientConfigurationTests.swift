import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterState
import HamsterTail
import HamsterTesting
import Testing

@testable import HamsterClient

struct RetryPolicyTests {
    @Test(arguments: [
        (0, 200), (1, 200), (2, 400), (3, 800), (8, 25_600), (9, 30_000), (20, 30_000), (Int.max, 30_000),
    ])
    func `the longest wait doubles with each failure up to half a minute, and all of it is drawn from`(
        failures: Int, longest: Int
    ) {
        let delays = (0..<200).map { _ in RetryPolicy().delay(afterFailures: failures) }

        #expect(delays.allSatisfy { (.zero...Duration.milliseconds(longest)).contains($0) })
        #expect(delays.contains { $0 > .milliseconds(longest) / 2 })
        #expect(delays.contains { $0 < .milliseconds(longest) / 2 })
    }
}

struct InputConfigurationTests {
    @Test(arguments: [
        ("/var/log/app.log", "app"), ("/var/log/app", "app"), ("/a/app.log.1", "app.log"), ("/a/.hidden", ".hidden"),
        ("/a/.hidden.log", ".hidden"), ("/a.b/c", "c"), ("/a/x.", "x"),
    ])
    func `a file's service is its name without its extension`(path: String, service: String) {
        #expect(InputConfiguration(FileSelection(patterns: [])).service(of: SourcePath(path)) == service)
    }

    @Test func `an input's name is the service of all its files`() {
        var input = InputConfiguration(FileSelection(patterns: []))
        input.name = "app"
        #expect(input.service(of: SourcePath("/a/other.log")) == "app")
    }

    @Test(arguments: [
        ("/var/log/a.gz", true), ("/var/log/a.log", false), ("/var/log/old/a.log", true), ("/var/old/a.log", false),
        ("/var/log/x.gz/a.log", false), ("/x/y/z/debug.log", true),
    ])
    func `an exclusion is of names, or with a separator of paths`(path: String, isExcluded: Bool) throws {
        var input = FileSelection(patterns: [])
        input.exclude = try ["*.gz", "/var/log/old/*", "**/z/debug.*"].map { try #require(Glob($0)) }
        #expect(input.excludes(SourcePath(path)) == isExcluded)
    }

    @Test func `an address stands in brackets before its port`() {
        #expect(ClientConfiguration.Target(host: "::1", port: 7, tls: nil).description == "[::1]:7")
        #expect(ClientConfiguration.Target(host: "log", port: 7, tls: nil).description == "log:7")
    }
}

struct ShippingProgressTests {
    @Test func `the numbers are the sums over all files`() throws {
        let directory = try ScratchDirectory()
        let files = try [100, 10].map { try file(directory, bytes: $0) }
        let progress = ShippingProgress()
        for file in files + files { progress.found(file) }
        progress.acknowledged(files[0], 40)
        progress.acknowledged(files[1], 15)
        progress.delivered(files[1], hasLeft: true)
        progress.lost(3)
        progress.lost(4)

        #expect(
            progress.snapshot
                == ShippingProgress.Snapshot(
                    files: 2, filesDelivered: 1, bytes: 115, bytesAcknowledged: 55, bytesLost: 7))
    }

    @Test(arguments: [false, true])
    func `a file counts once, whoever tells of it first and how often`(hasLeft: Bool) throws {
        let file = try file(try ScratchDirectory(), bytes: 10)
        let progress = ShippingProgress()

        progress.acknowledged(file, 10)
        progress.delivered(file, hasLeft: false)
        progress.delivered(file, hasLeft: hasLeft)
        progress.found(file)

        #expect(
            progress.snapshot
                == ShippingProgress.Snapshot(files: 1, filesDelivered: 1, bytes: 10, bytesAcknowledged: 10))
    }

    private func file(_ directory: ScratchDirectory, bytes: Int) throws -> TailedFile {
        let path = SourcePath(try directory.write("\(bytes).log", String(repeating: "x", count: bytes)))
        let handle = try LinuxFileSystem().open(path)
        let status = try handle.status()
        return TailedFile(
            handle, identity: status.identity, at: path,
            record: FileRecord(identity: status.identity, path: path, sizeSeen: status.size, seenAt: 0),
            fileSystem: LinuxFileSystem(), budget: OpenFileBudget(filesMax: 8))
    }
}

struct ClientErrorTests {
    @Test(arguments: [
        (ClientError.refused(Reply(.noOutput, "x")), true), (.refused(Reply(.busy, "x")), false),
        (.violated(ProtocolError(.unexpected, "x")), true), (.tls("x", isLasting: true), true),
        (.tls("x", isLasting: false), false), (.silent(.seconds(45)), false), (.interrupted("x"), false),
        (.unreachable(target: "a", reason: "x"), false),
        (.unreadable(FileError(.read, SourcePath("/x"), code: 5)), false), (.stopped, false),
    ])
    func `only what will not mend by itself is lasting`(error: ClientError, isLasting: Bool) {
        #expect(error.isLasting == isLasting)
    }
}
