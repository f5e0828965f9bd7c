import Foundation
import Glibc
import HamsterCore
import HamsterFiles
import HamsterState
import HamsterTail
import HamsterTesting
import Testing

/// Files that are renamed away.
struct RenameRotationTests {
    private let first = String(decoding: logText(bytes: 3_000, seed: 1), as: UTF8.self)

    @Test func `a file goes on under its own name when another one of it is gone`() throws {
        let scene = try TailScene("*.log", filesMax: 1)
        try scene.write("app.log", "one ")
        try scene.settle()
        #expect(Glibc.link(scene.directory("app.log"), scene.directory("second.log")) == 0)
        try scene.settle()
        #expect(unlink(scene.directory("second.log")) == 0)
        // Takes the one open file that there may be.
        try scene.write("b.log", "other")
        try scene.settle()
        try scene.directory.append("app.log", "two")
        try scene.settle()
        #expect(scene.output("app.log") == "one two")
        #expect(scene.lost == 0)
    }

    @Test func `what is written is noticed after a link to the file is gone`() throws {
        let scene = try TailScene("*.log")
        try scene.write("app.log", "one ")
        try scene.settle()
        try scene.directory.link("current.log", to: "app.log")
        try scene.settle()
        #expect(unlink(scene.directory("current.log")) == 0)
        try scene.notice("current.log", changes: [.deleted])
        try scene.directory.append("app.log", "two")
        try scene.notice("app.log", changes: [.modified])
        #expect(scene.output("app.log") == "one two")
    }

    @Test func `links that are gone are forgotten`() throws {
        let scene = try TailScene("*.log")
        try scene.write("pod.1", "one ")
        for round in 1...5 {
            try scene.directory.link("\(round).log", to: "pod.1")
            try scene.settle()
            #expect(unlink(scene.directory("\(round).log")) == 0)
            try scene.settle()
        }
        try scene.settle()
        #expect(scene.catalogue.linkCount <= 1)
    }

    @Test func `a path's files are sent in the order in which they were written`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", first)
        try scene.settle()
        try scene.directory.append("app.log", "late ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.write("app.log", "second ")
        try scene.settle()
        #expect(scene.output("app.log") == first + "late second ")
    }

    @Test func `rotated twice between two looks, the file in between is found by its name`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle(unreachable: true)
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.write("app.log.1", "2 ")
        try scene.write("app.log", "3 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 ")
    }

    @Test(arguments: [false, true])
    func `rotated while a look lists and opens files, the file in between is found`(isTold: Bool) throws {
        let scene = try TailScene("*.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        if isTold { try scene.settle() }
        try scene.directory.rename("app.log", to: "app.log.2")
        // Looked at first: with it the directory is listed.
        try scene.write("a.log", "other")
        try scene.write("app.log", "2 ")
        scene.fileSystem.interrupt(isTold ? .status : .open, scene.directory("app.log")) {
            [directory = scene.directory] in
            #expect(throws: Never.self) {
                try directory.rename("app.log", to: "app.log.1")
                try directory.write("app.log", "3 ")
            }
        }
        if isTold { try scene.notice("app.log.2", "a.log", "app.log") } else { try scene.settle() }
        #expect(!scene.fileSystem.isInterruptionDue)
        try scene.notice("app.log", "app.log.1")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 ")
    }

    @Test func `names that move on while they are looked at make no path of a rotated file`() throws {
        let scene = try TailScene("app.log*")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.write("app.log.1", "3 ")
        try scene.write("app.log", "4 ")
        scene.fileSystem.interrupt(.open, scene.directory("app.log.2")) { [directory = scene.directory] in
            #expect(throws: Never.self) {
                for number in [2, 1] { try directory.rename("app.log.\(number)", to: "app.log.\(number + 1)") }
                try directory.rename("app.log", to: "app.log.1")
                try directory.write("app.log", "5 ")
            }
        }
        try scene.settle()
        #expect(!scene.fileSystem.isInterruptionDue)
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 4 5 ")
        #expect(scene.outputNames == ["app.log"])
    }

    @Test(arguments: [1, 2, 3])
    func `names that move on while rotated files are looked at hide none of them`(number: Int) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "app.log.3")
        try scene.write("app.log.2", "3 ")
        try scene.write("app.log.1", "4 ")
        try scene.write("app.log", "5 ")
        scene.fileSystem.interrupt(.status, scene.directory("app.log.\(number)")) { [directory = scene.directory] in
            #expect(throws: Never.self) {
                for number in [3, 2, 1] { try directory.rename("app.log.\(number)", to: "app.log.\(number + 1)") }
            }
        }
        try scene.settle()
        #expect(!scene.fileSystem.isInterruptionDue)
        #expect(scene.output("app.log") == "1 2 3 4 5 ")
    }

    @Test func `without a descriptor for a rotated file the younger one waits`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.write("app.log", "3 ")
        scene.fileSystem.interrupt(.open, scene.directory("app.log.1")) { [fileSystem = scene.fileSystem] in
            fileSystem.set(isScarce: true)
        }
        try scene.settle()
        #expect(!scene.fileSystem.isInterruptionDue)
        scene.fileSystem.set(isScarce: false)
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 ")
    }

    @Test(arguments: [false, true])
    func `several rotations while the client was down are caught up with, oldest first`(dated: Bool) throws {
        let names = dated ? ["app.log-20240101", "app.log-20240102"] : ["app.log.2", "app.log.1"]
        let scene = try TailScene("*.log")
        try scene.write("app.log", first)
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "unsent ")
        try scene.directory.rename("app.log", to: names[0])
        try scene.write(names[1], "whole ")
        try scene.write("app.log", "now ")
        try scene.settle()
        #expect(scene.output("app.log") == first + "unsent whole now ")
        #expect(scene.outputNames == ["app.log"])

        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == first + "unsent whole now ")
    }

    @Test func `rotated while the client was down, with no new file yet, the rest is sent`() throws {
        let scene = try TailScene("*.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "some-other-name")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
    }

    @Test func `files that were rotated before the client knew the path are not sent`() throws {
        let scene = try TailScene("app.log")
        for name in ["app.log.2", "app.log.1", "app.log"] { try scene.write(name, name + " ") }
        try scene.settle()
        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == "app.log ")
    }

    @Test func `after a loss of the state the server says what is left of rotated files`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log.1", "never known ")
        try scene.write("app.log", first)
        try scene.settle()
        try scene.directory.append("app.log", "rest ")
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.write("app.log", "new ")
        scene.restart(losingState: true)
        try scene.settle()
        #expect(scene.output("app.log") == first + "rest new ")
    }

    @Test func `compressed, excluded and foreign files are left alone`() throws {
        let scene = try TailScene("app.log") { $0.exclude = [Glob("*.old")].compactMap { $0 } }
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        for name in ["app.log.1.gz", "app.log.old", "other.log.1", "app.log.txt"] {
            try scene.write(name, name)
        }
        try scene.settle()
        #expect(scene.output("app.log") == "1 ")
        #expect(scene.outputNames == ["app.log"])
    }

    @Test func `a rotated name that the pattern matches belongs to its path`() throws {
        let scene = try TailScene("app.log*")
        try scene.write("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.write("app.log.1", "3 ")
        try scene.write("app.log", "4 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 4 ")
        #expect(scene.outputNames == ["app.log"])
    }

    @Test(arguments: [["app.log.1", "app.log"], ["app.log", "app.log.1"], ["app.log", "app-20240101.log"]])
    func `at a first look a rotated name that the pattern matches is a file of its own`(names: [String]) throws {
        let scene = try TailScene("app*")
        for name in names { try scene.directory.write(name, name + " ") }
        try scene.settle()
        for name in names { #expect(scene.output(name) == name + " ") }

        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.directory.write("app.log", "new ")
        try scene.settle()

        #expect(scene.output("app.log") == "app.log new ")
        #expect(scene.outputNames.sorted() == names.sorted())
    }

    @Test func `the server is asked about rotated files again after a restart before its answer`() throws {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", first)
        try scene.settle()
        try scene.directory.append("app.log", "rest ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.directory.write("app.log", "new ")
        scene.restart(losingState: true)
        try scene.settle(unreachable: true)

        scene.restart()
        try scene.settle()

        #expect(scene.output("app.log") == first + "rest new ")
    }

    @Test(arguments: ["the undated one ", ""])
    func `a dated file of a program is sent beside the undated one`(undated: String) async throws {
        let scene = try TailScene("laravel*.log")
        try scene.directory.write("laravel.log", undated)
        try scene.settle()
        let written = FileTime.now

        try await eventually("a later time") { FileTime.now.duration(since: written) > .milliseconds(100) }
        try scene.directory.write("laravel-2024-01-03.log", "third ")
        try scene.notice("laravel-2024-01-03.log")
        try scene.directory.write("laravel-2024-01-04.log", "fourth ")
        try scene.settle()
        try scene.directory.append("laravel-2024-01-03.log", "more ")
        try scene.settle()

        #expect(scene.output("laravel-2024-01-03.log") == "third more ")
        #expect(scene.output("laravel-2024-01-04.log") == "fourth ")
        #expect(scene.output("laravel.log") == undated)
    }

    @Test func `truncated to less than a check needs while the state was lost, a file starts over`() throws {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", "forty bytes of the old content, or so... ")
        try scene.settle()
        _ = truncate(scene.directory("app.log"), 0)
        try scene.directory.append("app.log", "new ")
        scene.restart(losingState: true)

        try scene.settle()

        #expect(scene.output("app.log") == "forty bytes of the old content, or so... new ")
    }

    @Test func `what is known of files that are gone is forgotten after two days, not that of rotated ones`() throws {
        let scene = try TailScene("app.log")
        for round in 1...3 {
            try scene.write("app.log", "\(round) ")
            try scene.settle()
            try scene.directory.rename("app.log", to: "app.log.\(round)")
        }
        try scene.settle()
        try LinuxFileSystem().remove(SourcePath(scene.directory("app.log.2")))
        scene.restart()
        let now = FileTime(nanoseconds: FileTime.now.nanoseconds + 3 * 86_400 * 1_000_000_000)
        try scene.write("app.log", "4 ")
        _ = scene.catalogue.scan(now: now)
        #expect(scene.state.records.count == 3)
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 4 ")
    }

    @Test func `a file that is moved away and back goes on`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        try scene.directory.rename("app.log", to: "away")
        try scene.settle(unreachable: true)
        try scene.directory.rename("away", to: "app.log")
        try scene.settle()
        try scene.directory.append("app.log", "2 ")
        try scene.notice("app.log", changes: [.modified])
        #expect(scene.output("app.log") == "1 2 ")
    }

    @Test func `deleted while unread, a file is sent all the same`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle(unreachable: true)
        try LinuxFileSystem().remove(SourcePath(scene.directory("app.log")))
        try scene.write("app.log", "2 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
    }

    @Test func `with few descriptors files are closed, and found again after a rotation`() throws {
        let scene = try TailScene("*.log", filesMax: 2)
        let names = (0..<20).map { "f\($0).log" }
        for name in names { try scene.write(name, name + " 1 ") }
        try scene.settle(unreachable: true)
        #expect(scene.catalogue.paths.flatMap(\.all).filter(\.isOpen).count == 2)
        for name in names {
            try scene.directory.rename(name, to: name + ".1")
            try scene.write(name, "2 ")
        }
        try scene.settle()
        #expect(names.allSatisfy { scene.output($0) == $0 + " 1 2 " })
        #expect(scene.lost == 0)
    }

    @Test func `a closed file that was rotated once more is found by its identity, until it is removed`() throws {
        let scene = try TailScene("*.log", filesMax: 1)
        for name in ["a.log", "b.log"] { try scene.directory.write(name, name) }
        try scene.settle(unreachable: true)
        try scene.directory.rename("a.log", to: "a.log.1")
        try scene.settle(unreachable: true)
        let paths = scene.catalogue.paths.sorted { $0.path < $1.path }
        let (file, other) = (try #require(paths[0].first), try #require(paths[1].first))
        _ = try other.status()
        #expect(!file.isOpen)

        try scene.directory.rename("a.log.1", to: "a.log.2")
        #expect { _ = try file.open() } throws: { ($0 as? FileError)?.isMissing ?? false }
        #expect(try scene.catalogue.locate(file, of: paths[0], now: .now))
        #expect(try file.status().size == 5)
        _ = try other.status()
        try LinuxFileSystem().remove(SourcePath(scene.directory("a.log.2")))
        #expect(try !scene.catalogue.locate(file, of: paths[0], now: .now))
    }
}

/// Files that are copied and truncated, or rewritten.
struct CopyAndTruncateTests {
    private let text = String(decoding: logText(bytes: 3_000, seed: 2), as: UTF8.self)

    private func copyAndTruncate(_ scene: TailScene, to name: String, then new: String) throws {
        try scene.write(name, scene.directory.contents("app.log") ?? [])
        try scene.write("app.log", new)
    }

    @Test(arguments: [false, true])
    func `what was not sent before the truncation is taken from the copy`(restarts: Bool) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        if restarts { scene.restart() }
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent new ")
        #expect(scene.lost == 0)

        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent new ")
    }

    /// ext4 tells of a file's new size before it tells when it was truncated.
    @Test func `noticed in the middle of a truncation, the copy is no file of its own`() async throws {
        let scene = try TailScene("app.log*")
        try scene.directory.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        let path = scene.directory("app.log")
        let written = try #require(FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
        try await eventually("a later time") { Date.now > written + 0.1 }
        try scene.directory.write("app.log.1", scene.directory.contents("app.log") ?? [])
        #expect(truncate(path, 0) == 0)
        try FileManager.default.setAttributes([.modificationDate: written], ofItemAtPath: path)
        try scene.notice("app.log.1")

        try scene.directory.append("app.log", "new ")
        try scene.settle()

        #expect(scene.output("app.log") == text + "unsent new ")
        #expect(scene.outputNames == ["app.log"])
    }

    @Test func `without a descriptor to look at the copy the file waits`() throws {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")

        scene.fileSystem.set(isScarce: true)
        #expect { try scene.settle() } throws: { ($0 as? FileError)?.isOutOfDescriptors ?? false }
        scene.fileSystem.set(isScarce: false)
        try scene.settle()

        #expect(scene.output("app.log") == text + "unsent new ")
        #expect(scene.lost == 0)
    }

    @Test func `an older file that begins alike is not the copy`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log.1", text + "of another day ")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.directory.rename("app.log.1", to: "app.log.2")
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try scene.settle()
        try scene.directory.append("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "new ")
    }

    @Test func `a file that has grown past the old offset again is told by its bytes`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "short ")
        try scene.settle()
        try copyAndTruncate(scene, to: "app.log.1", then: text)
        try scene.settle()
        #expect(scene.output("app.log") == "short " + text)
    }

    @Test func `several cycles while the client was down come in order`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "end of 1 ")
        try copyAndTruncate(scene, to: "app.log.2", then: "all of 2 ")
        try copyAndTruncate(scene, to: "app.log.1", then: "3 ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "end of 1 all of 2 3 ")
    }

    @Test func `copies of what was sent are not sent, however often the client is started`() throws {
        let scene = try TailScene("app.log*")
        try scene.write("app.log", text)
        try scene.settle()
        for cycle in 1...4 {
            try copyAndTruncate(scene, to: "app.log-2024010\(cycle)", then: "")
            if cycle.isMultiple(of: 2) { scene.restart() }
            try scene.settle()
            try scene.directory.append("app.log", "\(cycle) ")
            if cycle == 3 { scene.restart() }
            try scene.settle()
        }
        #expect(scene.output("app.log") == text + "1 2 3 4 ")
        #expect(scene.outputNames == ["app.log"])
    }

    @Test func `a copy that is made while the client is down is no new file`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.write("app.log.1", text)
        try scene.settle()
        try scene.directory.append("app.log", "more ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "more ")
    }

    @Test func `a copy of the beginning that somebody made by hand is not sent at the next rotation`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.write("app.log.5", text)
        try scene.directory.append("app.log", "more ")
        try scene.settle()
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "more new ")
    }

    @Test func `before anything was sent the copy holds the old content`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle(unreachable: true)
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "new ")
    }

    @Test(arguments: ["", "new ", "new content that is longer than what the file held before"])
    func `copied and truncated before the acknowledgement was in the state, the server tells what the copy has left`(
        content: String
    ) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settle(unreachable: true)
        let saved = scene.state.records
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: content)
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged unsent " + content)
        #expect(scene.outputNames == ["app.log"])
    }

    @Test(arguments: ["", "new ", "new content that is longer than what the file held before"])
    func `what was written between the copy and the truncation and arrived does not bring the copy once more`(
        content: String
    ) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settleUnacknowledged()
        let saved = scene.state.records
        try scene.write("app.log.1", "acknowledged ")
        try scene.directory.append("app.log", "late ")
        try scene.settleUnacknowledged()
        try scene.write("app.log", content)
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged late " + content)
        #expect(scene.outputNames == ["app.log"])
    }

    @Test
    func `what was copied after a truncation that left no copy comes, though its predecessor's beginning is known`()
        throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged, and long ")
        try scene.settleUnacknowledged()
        let saved = scene.state.records
        try scene.write("app.log", "second ")
        try copyAndTruncate(scene, to: "app.log.1", then: "third ")
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged, and long second third ")
    }

    @Test func `copied and truncated before the file itself was in the state, the rest is taken from the copy`() throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")
        scene.restart(losingState: true)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged unsent new ")
    }

    @Test
    func `copied and truncated several times before the acknowledgement was in the state, all copies come in order`()
        throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settle(unreachable: true)
        let saved = scene.state.records
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.3", then: "second ")
        try copyAndTruncate(scene, to: "app.log.2", then: "the third ")
        try copyAndTruncate(scene, to: "app.log.1", then: "fourth ")
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged unsent second the third fourth ")
    }

    @Test
    func `truncated before the acknowledgement was in the state, and copied since, the copy is what came after it`()
        throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settle(unreachable: true)
        let saved = scene.state.records
        try scene.settle()
        try scene.write("app.log", "the second, which is longer ")
        try copyAndTruncate(scene, to: "app.log.1", then: "third ")
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged the second, which is longer third ")
    }

    @Test func `copied, truncated and removed before the acknowledgement was in the state, the copy comes once`() throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "acknowledged ")
        try scene.settle(unreachable: true)
        let saved = scene.state.records
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try FileManager.default.removeItem(atPath: scene.directory("app.log"))
        try scene.write("app.log", "new ")
        scene.restart(with: saved)
        try scene.settle()
        #expect(scene.output("app.log") == "acknowledged unsent new ")
    }

    @Test func `a copy of what was sent is known by its beginning though the file was replaced and had more`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.write("app.log.1", text)
        try scene.directory.append("app.log", "late ")
        try scene.settle()
        try FileManager.default.removeItem(atPath: scene.directory("app.log"))
        try scene.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "late new ")
    }

    @Test(arguments: [false, true])
    func `a copy that was interrupted and made once more before the file was removed does not come beside that`(
        isSent: Bool
    ) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "first and ")
        if isSent { try scene.settleUnacknowledged() } else { try scene.settle(unreachable: true) }
        let saved = scene.state.records
        try scene.write("app.log.2", "first")
        try scene.directory.append("app.log", "second ")
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try FileManager.default.removeItem(atPath: scene.directory("app.log"))
        try scene.write("app.log", "new ")
        scene.restart(with: saved)
        try scene.settle()
        try scene.directory.rename("app.log", to: "app.log.0")
        try scene.write("app.log", "newer ")
        try scene.settle()
        #expect(scene.output("app.log") == "first and second new newer ")
    }

    @Test func `copied and truncated twice and removed before anything was acknowledged, both copies come`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "first ")
        try scene.settle(unreachable: true)
        try copyAndTruncate(scene, to: "app.log.2", then: "the second ")
        try copyAndTruncate(scene, to: "app.log.1", then: "third, seen by nobody ")
        try FileManager.default.removeItem(atPath: scene.directory("app.log"))
        try scene.write("app.log", "new ")
        try scene.settle(unreachable: true)
        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == "first the second new ")

        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == "first the second new ")
    }

    @Test(arguments: [10, 700, 3_000])
    func `a copy is not sent again where more was written, and sent, before the truncation`(byteCount: Int) throws {
        let scene = try TailScene("app.log")
        let old = String(text.prefix(byteCount))
        try scene.write("app.log", old)
        try scene.settle()
        try scene.directory.write("app.log.1", Array(old.utf8))
        try scene.directory.append("app.log", "late ")
        try scene.settle()
        try scene.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == old + "late new ")
    }

    @Test(arguments: [false, true])
    func `truncated twice before anything of the new content was sent, the copy in between is sent`(
        restarts: Bool
    ) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try copyAndTruncate(scene, to: "app.log.2", then: "")
        try scene.settle()
        try scene.directory.append("app.log", "second ")
        if restarts { scene.restart() }
        try copyAndTruncate(scene, to: "app.log.1", then: "the third, which is longer ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "second the third, which is longer ")

        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == text + "second the third, which is longer ")
    }

    @Test(arguments: 1...6)
    func `a copy whose name moves on while it is looked at is sent`(openings: Int) throws {
        let scene = try TailScene("app.log*")
        try scene.write("app.log", text)
        try scene.settle()
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try scene.settle()
        try scene.directory.append("app.log", "second ")
        try scene.directory.rename("app.log.1", to: "app.log.2")
        try copyAndTruncate(scene, to: "app.log.1", then: "the third, which is longer ")
        scene.fileSystem.interrupt(.open, scene.directory("app.log.1"), after: openings - 1) {
            [directory = scene.directory] in
            #expect(throws: Never.self) {
                for number in [2, 1] { try directory.rename("app.log.\(number)", to: "app.log.\(number + 1)") }
            }
        }
        try scene.settle()
        #expect(scene.output("app.log") == text + "second the third, which is longer ")
    }

    @Test func `truncated before anything was acknowledged, a file keeps its token, and the server's check decides`()
        throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle(unreachable: true)
        _ = try scene.catalogue.paths.first?.first?.isContinued()
        try scene.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == "new ")
        #expect(scene.lost == 3_000 - 4)
        #expect(scene.state.records.map(\.generation) == [0])
    }

    @Test(arguments: [false, true])
    func `the rest in the copy of a file that was removed is sent, also without a new file`(restarts: Bool) throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try FileManager.default.removeItem(atPath: scene.directory("app.log"))
        try scene.settle()
        if restarts { scene.restart() }
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent ")
    }

    @Test func `truncated twice and empty since, the copy in between is sent`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try copyAndTruncate(scene, to: "app.log.2", then: "")
        try scene.settle()
        try scene.directory.append("app.log", "second ")
        try copyAndTruncate(scene, to: "app.log.1", then: "")
        try scene.notice("app.log.1")
        #expect(scene.output("app.log") == text + "second ")
    }

    @Test func `copied, truncated and then renamed while the client was down, both parts come in order`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.2", then: "second ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.write("app.log", "third ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent second third ")
    }

    @Test func `truncated and rotated while the client was down, younger rotated files are sent too`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.write("app.log", "second ")
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.settle()
        try scene.write("app.log", "third ")
        try scene.directory.rename("app.log", to: "app.log.1")
        scene.restart()
        try scene.write("app.log", "fourth ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "second third fourth ")
    }

    @Test func `written and rotated between two looks, a file is sent without waiting for the next`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.directory.rename("app.log", to: "app.log.2")
        try scene.write("app.log", "between ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.notice("app.log", "app.log.2", "app.log.1")
        #expect(scene.output("app.log") == text + "between ")
    }

    @Test func `bytes of new content that is longer than the old do not count as lost`() throws {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", text)
        try scene.settle()
        let new = String(repeating: "new ", count: 1_000)
        try scene.directory.write("app.log", new)
        try scene.settle()
        #expect(scene.output("app.log") == text + new)
        #expect(scene.lost == 0)
    }

    @Test func `bytes that are in no file any more are counted`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try scene.settle(unreachable: true)
        try scene.notice("app.log", changes: [.modified])
        #expect(scene.output("app.log") == text + "unsent ")

        try scene.directory.append("app.log", "gone ")
        _ = try scene.catalogue.paths.first?.first?.isContinued()
        try scene.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent new ")
        #expect(scene.lost == 5)
    }

    @Test func `bytes that were written between the copy and the truncation are counted`() throws {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", text)
        try scene.settle()
        try scene.directory.write("app.log.1", text)
        try scene.directory.append("app.log", "gone ")
        _ = try scene.catalogue.paths.first?.first?.isContinued()
        try scene.directory.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "new ")
        #expect(scene.lost == 5)
    }

    @Test func `state lost and truncated, the server's check finds the copy`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")
        scene.restart(losingState: true)
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent new ")
    }

    @Test func `state lost, copied and truncated during the first look, the server's check finds the copy`()
        async throws
    {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        scene.restart(losingState: true)
        let started = FileTime.now
        try await CoarseClock.tick()
        try copyAndTruncate(scene, to: "app.log.1", then: "new ")
        try scene.settle(lookedAt: started)
        #expect(scene.output("app.log") == text + "unsent new ")
    }

    @Test(arguments: [false, true])
    func `state lost and truncated, bytes of new content do not count as lost`(hasCopy: Bool) throws {
        let scene = try TailScene("app.log")
        let new = String(repeating: "new ", count: 1_000)
        try scene.directory.write("app.log", text)
        try scene.settle()
        scene.restart(losingState: true)
        try scene.directory.append("app.log", "unsent ")
        try copyAndTruncate(scene, to: hasCopy ? "app.log.1" : "elsewhere", then: new)
        try scene.settle()
        #expect(scene.output("app.log") == text + (hasCopy ? "unsent " : "") + new)
        #expect(scene.lost == 0)
    }

    @Test func `state lost and truncated, what only the server can tell to be in a copy does not count as lost`()
        async throws
    {
        let scene = try TailScene("app.log")
        try scene.directory.write("app.log", text)
        try scene.settle()
        try scene.directory.append("app.log", "unsent ")
        try await CoarseClock.tick()
        try scene.directory.write("app.log.1", scene.directory.contents("app.log") ?? [])
        scene.restart(losingState: true)
        try scene.settle(unreachable: true)
        try scene.directory.write("app.log", "new ")
        try scene.settle()
        #expect(scene.output("app.log") == text + "unsent new ")
        #expect(scene.lost == 0)
    }

    @Test func `a file that was put in place of another one is other content`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", text)
        try scene.settle()
        scene.restart()
        try scene.write("app.log", String(repeating: "x", count: 3_000))
        try scene.settle()
        #expect(scene.output("app.log") == text + String(repeating: "x", count: 3_000))
    }
}

/// Files that are sent when they are closed.
struct SendAfterCloseTests {
    @Test func `a closed file is sent whole, under the name that it has then`() throws {
        let scene = try TailScene("app.log") { $0.method = .close }
        try scene.write("app.log", "1 ")
        let writer = try OpenWriter(scene.directory("app.log"))
        try scene.settle()
        #expect(scene.outputNames.isEmpty)
        try scene.directory.rename("app.log", to: "app.log-20240101")
        try writer.close()
        try scene.write("app.log", "")
        try scene.settle()
        #expect(scene.output("app.log-20240101") == "1 ")
        #expect(scene.outputNames == ["app.log-20240101"])
    }

    @Test func `a file that nobody writes to is sent in its place, and its rest when it grows`() throws {
        let scene = try TailScene("app.log") { $0.method = .close }
        try scene.write("app.log", "1 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 ")
        try scene.directory.append("app.log", "2 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
        scene.restart()
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
    }

    @Test(arguments: [FileSelection.Method.watch, .close])
    func `a delivered file is removed where that is wanted, and no other`(method: FileSelection.Method) throws {
        let scene = try TailScene("app.log") {
            $0.method = method
            $0.deletesDelivered = true
        }
        try scene.write("app.log", "1 ")
        try scene.settle()
        let isRemoved = scene.directory.contents("app.log") == nil
        #expect(isRemoved == (method == .close))
        if method == .watch { try scene.directory.rename("app.log", to: "app.log.1") }
        try scene.write("app.log", "2 ")
        try scene.write("app.txt.7", "foreign")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
        #expect(scene.directory.contents("app.log.1") == nil)
        #expect(scene.directory.contents("app.txt.7") != nil)
    }

    @Test func `what was skipped because nothing was known of it is not removed`() throws {
        let scene = try TailScene("app.log") { $0.deletesDelivered = true }
        for name in ["app.log.2", "app.log.1", "app.log"] { try scene.write(name, name) }
        try scene.settle()
        #expect(scene.output("app.log") == "app.log")
        #expect(scene.directory.contents("app.log.1") != nil && scene.directory.contents("app.log.2") != nil)
    }

    @Test func `a file that its path still leads to is not removed, though it seemed to be gone`() throws {
        let scene = try TailScene("app.log") { $0.deletesDelivered = true }
        try scene.write("app.log", "1 ")
        try scene.settle()
        let file = try #require(scene.catalogue.paths.first?.first)
        file.markRotated(at: .now)
        #expect(try !scene.catalogue.remove(file))
        #expect(file.rotatedAt == nil && scene.directory.contents("app.log") != nil)
    }

    @Test func `a closed file that grows while it is sent is sent on, also after a rename`() throws {
        let scene = try TailScene("app.log") { $0.method = .close }
        try scene.write("app.log", "one ")
        try scene.settle(unreachable: true)
        let path = try #require(scene.catalogue.paths.first)
        let file = try #require(path.first)
        #expect(try path.next(for: file, now: .now) == .send)
        try scene.directory.append("app.log", "two ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.settle()
        #expect(scene.output("app.log") == "one ")
        #expect(scene.output("app.log.1") == "two ")
    }

    @Test func `a file that has grown since its last byte was acknowledged is not removed`() throws {
        let scene = try TailScene("app.log") { $0.deletesDelivered = true }
        try scene.write("app.log", "1 ")
        try scene.settle()
        let file = try #require(scene.catalogue.paths.first?.first)
        try scene.directory.append("app.log", "2 ")
        #expect(try !scene.catalogue.remove(file))
        #expect(scene.directory.contents("app.log") != nil)
    }
}

/// Links, and files that come and go with their directories.
struct DirectoryChangeTests {
    @Test func `a link's file is watched where it is, and its rotation is seen there`() throws {
        let scene = try TailScene("links/*.log")
        try scene.write("links/keep", "")
        try scene.write("data/app.log", "1 ")
        try scene.directory.link("links/app.log", to: scene.directory("data/app.log"))
        var watched: Set<SourcePath> = []
        var catalogue = scene.catalogue
        _ = catalogue.scan(now: .now) { directories in
            watched.formUnion(directories)
            return false
        }
        #expect(watched.contains(SourcePath(scene.directory("data"))))
        try scene.settle()
        try scene.directory.append("data/app.log", "2 ")
        try scene.notice("data/app.log", changes: [.modified])
        #expect(scene.output("links/app.log") == "1 2 ")

        try scene.directory.append("data/app.log", "3 ")
        try scene.directory.rename("data/app.log", to: "data/app.log.1")
        try scene.write("data/app.log", "4 ")
        scene.restart()
        try scene.settle()
        #expect(scene.output("links/app.log") == "1 2 3 4 ")
    }

    @Test func `a link to a dated file is no predecessor of itself`() throws {
        let scene = try TailScene("app.log") { $0.deletesDelivered = true }
        try scene.write("app-20240101.log", "1 ")
        try scene.directory.link("app.log", to: scene.directory("app-20240101.log"))
        let writer = try OpenWriter(scene.directory("app-20240101.log"))
        try scene.settle()
        try writer.append("2 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 ")
        #expect(scene.directory.contents("app-20240101.log") != nil)
    }

    @Test func `what comes with news of a directory is told, and a look at everything wanted`() throws {
        let scene = try TailScene("*.log")
        try scene.settle()
        try scene.write("f.log", "1 ")
        let events: [(path: SourcePath, changes: DirectoryChanges)] = [
            (SourcePath(scene.directory("f.log")), .created),
            (SourcePath(scene.directory("new")), [.created, .isDirectory]),
        ]
        let (changes, isEverythingTold) = scene.catalogue.look(at: events, now: .now)
        #expect(!isEverythingTold)
        #expect(changes.found.map(\.path.name) == [Array("f.log".utf8)])
    }

    @Test func `of what only grows no file is looked at`() throws {
        let scene = try TailScene("*.log")
        for name in ["a.log", "b.log"] { try scene.write(name, "1 ") }
        try scene.settle()
        func growth(_ events: (String, DirectoryChanges)...) -> [String]? {
            let changes = scene.catalogue.growth(from: events.map { (SourcePath(scene.directory($0.0)), $0.1) })
            return changes?.changed.map { String(decoding: $0.path.name, as: UTF8.self) }
        }
        let written: DirectoryChanges = [.modified, .closedWrite]

        #expect(growth(("b.log", .modified), ("a.log", written), ("b.log", .closedWrite)) == ["b.log", "a.log"])
        #expect(growth() == [])
        #expect(growth(("a.log", .modified), ("new.log", written)) == nil)
        #expect(growth(("a.log", [.modified, .created])) == nil)
        #expect(growth(("a.log", .movedFrom)) == nil)
    }

    @Test func `the end where a client starts is not that of files born while it was down`() throws {
        let scene = try TailScene("app.log") { $0.start = .end }
        try scene.write("app.log", "skipped ")
        try scene.settle()
        try scene.directory.append("app.log", "1 ")
        try scene.settle()
        scene.restart()
        try scene.directory.append("app.log", "2 ")
        try scene.directory.rename("app.log", to: "app.log.1")
        try scene.write("app.log", "3 ")
        try scene.settle()
        #expect(scene.output("app.log") == "1 2 3 ")
    }

    @Test func `a file of any age is looked at`() throws {
        let scene = try TailScene("app.log")
        try scene.write("app.log", "1 ")
        try scene.settle()
        #expect(FileTime(nanoseconds: .max).duration(since: FileTime(nanoseconds: .min)) > .seconds(18_000_000_000))
    }

    @Test func `a directory that is renamed takes nothing with it`() throws {
        let scene = try TailScene("*/app.log")
        try scene.write("a/app.log", "1 ")
        try scene.settle()
        try scene.directory.append("a/app.log", "2 ")
        try scene.directory.rename("a", to: "b")
        try scene.settle()
        try scene.directory.append("b/app.log", "3 ")
        try scene.settle()
        #expect(scene.output("a/app.log") == "1 2 3 ")
        #expect(scene.output("b/app.log") == "")
    }

    @Test func `ten thousand files are found and followed`() throws {
        let scene = try TailScene("*.log", filesMax: 64)
        for index in 0..<10_000 { try scene.directory.write("f\(index).log", "") }
        try scene.settle(unreachable: true)
        #expect(scene.catalogue.paths.count == 10_000)
        try scene.directory.append("f9999.log", "x")
        try scene.notice("f9999.log", changes: [.modified])
        #expect(scene.output("f9999.log") == "x")
    }
}
