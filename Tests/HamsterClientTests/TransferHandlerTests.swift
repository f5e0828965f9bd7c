import HamsterCore
import HamsterFiles
import HamsterProtocol
import HamsterTail
import HamsterTesting
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HamsterClient

@Suite(.timeLimit(.minutes(5))) struct TransferOpeningTests {
    @Test func `the request goes out when the server has said its stream's number`() async throws {
        let scene = try await TransferScene("text")
        try await scene.say("### hello")
        #expect(try await scene.isQuiet())
        try await scene.say("STREAMID 9f2c1a4be07d")
        #expect(try await scene.next() == "INIT STREAM web1:/a.log ack:1 file:f offset:0\n")
        #expect(try await scene.isQuiet())
        try await scene.say("200 OK ack:1 offset:0")
        #expect(try await scene.next() == "text")
    }

    @Test func `a file goes on where the server says`() async throws {
        let scene = try await TransferScene("123456789more")
        try await scene.open("offset:9 check:cbf43926")
        #expect(try await scene.next() == "more")
        #expect(scene.acknowledged == [9])
    }

    @Test(arguments: ["offset:9 check:00000000", "offset:14", "offset:9000000000000000000"])
    func `where the server knows other content nothing is sent`(attributes: String) async throws {
        let scene = try await TransferScene("123456789more")
        try await scene.open(attributes)
        #expect(try await scene.outcome() == "other content")
        #expect(try await scene.next() == nil)
    }

    @Test func `without a check the client's own record is held against the file`() async throws {
        let scene = try await TransferScene("123456789", offset: 4)
        try scene.directory.write("a.log", "abcdefghi")
        try await scene.open("offset:4")
        #expect(try await scene.outcome() == "other content")
    }

    @Test(arguments: [
        ("404 none", "refused: 404 none"), ("503 stop retry:1", "refused: 503 stop"),
        (
            "SSH-2.0-OpenSSH",
            "failed: the server does not speak this protocol: not a reply of this protocol: 'SSH-2.0-OpenSSH'"
        ),
        ("ACK 5", "failed: the server does not speak this protocol: unexpected line 'ACK 5'"),
    ])
    func `a refusal or a violation ends the connection`(line: String, outcome: String) async throws {
        let scene = try await TransferScene("text")
        try await scene.say(line)
        #expect(try await scene.outcome() == outcome)
        #expect(!scene.channel.isActive)
    }

    @Test func `a server that closes early interrupts`() async throws {
        let scene = try await TransferScene("text")
        try await scene.closeServerSide()
        #expect(
            try await scene.outcome() == "failed: the connection was lost: the server closed the connection")
    }

    @Test func `a server that closes a plain connection without a word may want TLS`() async throws {
        let scene = try await TransferScene("text", isPlaintext: true)
        try await scene.closeServerSide()
        #expect(
            try await scene.outcome() == "failed: the connection was lost: the server closed it without a word: "
                + "if it wants TLS, TLS is off here ([target.tls], --insecure-plaintext)")
    }

    @Test func `a server that answers a plain connection with an alert of TLS speaks TLS`() async throws {
        let scene = try await TransferScene("text", isPlaintext: true)
        try await scene.channel.writeInbound(ByteBuffer(bytes: [0x15, 0x03, 0x01, 0, 2, 2, 70]))
        #expect(
            try await scene.outcome()
                == "failed: the server speaks TLS: TLS is off here ([target.tls], --insecure-plaintext)")
    }

    @Test func `a plain server that closes after its first line is no riddle`() async throws {
        let scene = try await TransferScene("text", isPlaintext: true)
        try await scene.say("### hello")
        try await scene.closeServerSide()
        #expect(
            try await scene.outcome() == "failed: the connection was lost: the server closed the connection")
    }

    @Test func `a stop before the stream is open ends at once`() async throws {
        let scene = try await TransferScene("text")
        try await scene.fire(TransferCommand.stop)
        #expect(try await scene.outcome() == "failed: the client stops")
    }

    @Test func `silence of 45 seconds ends it, and every line starts them anew`() async throws {
        let scene = try await TransferScene("text")
        await scene.advance(by: .seconds(44))
        try await scene.open()
        _ = try await scene.next()
        await scene.advance(by: .seconds(44))
        try await scene.say("ACK 0")
        await scene.advance(by: .milliseconds(44_999))
        #expect(scene.channel.isActive)
        await scene.advance(by: .milliseconds(1))
        #expect(try await scene.outcome() == "failed: the server was silent for 45.0 seconds")
    }

    @Test func `data is compressed where the server grants it`() async throws {
        let scene = try await TransferScene("text", isCompressed: true)
        try await scene.say("### hello", "STREAMID 9f2c1a4be07d")
        #expect(try await scene.next()?.hasSuffix(" compress:zlib\n") == true)
        try await scene.say("200 OK ack:1 offset:0 compress:zlib")
        var sent = try await awaited("data", every: .betweenGlances) {
            try await scene.channel.readOutbound(as: ByteBuffer.self)
        }
        let found = try #require(Inflater()).inflate(&sent, bytesMax: 100, allocator: ByteBufferAllocator())
        #expect(String(buffer: found) == "text")
    }
}

@Suite(.timeLimit(.minutes(5))) struct TransferStreamingTests {
    @Test func `a whole file is sent, and is delivered when the server has closed after its last word`() async throws {
        let scene = try await TransferScene("0123456789", sizeLimit: 4)
        try await scene.open()
        #expect(try await scene.next() == "0123")
        #expect(try await scene.next() == "<shut>")
        try await scene.say("ACK 2", "ACK 4")
        // In the middle of a batch nothing is known that the file could be checked by later.
        #expect(scene.acknowledged == [0, 4])
        try await scene.closeServerSide()
        #expect(try await scene.outcome() == "ended")
    }

    @Test func `an acknowledgement of what was not sent is a violation`() async throws {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        try await scene.say("ACK 5")
        #expect(
            try await scene.outcome()
                == "failed: the server does not speak this protocol: ACK 5 is beyond what was sent")
        #expect(scene.acknowledged == [0])
    }

    @Test func `what is beyond the rate waits for it`() async throws {
        let scene = try await TransferScene("0123456789", bytesPerSecond: 10)
        try await scene.open()
        #expect(try await scene.next() == "0123456789")
        try scene.directory.append("a.log", "more")
        try await scene.fire(TransferCommand.look)
        scene.clock.advance(by: .milliseconds(990))
        await scene.channel.testingEventLoop.run()
        #expect(try await scene.isQuiet())
        scene.clock.advance(by: .milliseconds(20))
        #expect(try await scene.next() == "more")
    }

    @Test func `a stop does not wait for the rate`() async throws {
        let scene = try await TransferScene("0123456789", bytesPerSecond: 1)
        try await scene.open()
        #expect(try await scene.next() == "0123456789")
        try scene.directory.append("a.log", "more")
        try await scene.fire(TransferCommand.look)
        try await scene.fire(TransferCommand.stop)
        #expect(try await scene.next() == "<shut>")
    }

    @Test func `what is appended is sent`() async throws {
        let scene = try await TransferScene("one\n")
        try await scene.open()
        #expect(try await scene.next() == "one\n")
        try await scene.say("ACK 4")
        try scene.directory.append("a.log", "two\n")
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.next() == "two\n")
    }

    @Test func `after a first send small pieces are gathered, and a chunk goes at once`() async throws {
        let scene = try await TransferScene("one\n", flushInterval: .hours(1))
        try await scene.open()
        #expect(try await scene.next() == "one\n")
        try scene.directory.append("a.log", "two\n")
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.isQuiet())
        try scene.directory.append("a.log", String(repeating: "3", count: 96))
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.next()?.count == 100)
    }

    @Test func `a small piece goes when its time has come`() async throws {
        let scene = try await TransferScene("one\n", flushInterval: .seconds(30))
        try await scene.open()
        #expect(try await scene.next() == "one\n")
        try scene.directory.append("a.log", "two\n")
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.isQuiet())
        await scene.advance(by: .seconds(30))
        #expect(try await scene.next() == "two\n")
    }

    @Test func `a truncated file ends the stream in good order, as other content`() async throws {
        let scene = try await TransferScene("0123456789")
        try await scene.open()
        _ = try await scene.next()
        try scene.directory.write("a.log", "new")
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.next() == "<shut>")
        try await scene.say("ACK 10")
        try await scene.closeServerSide()
        #expect(try await scene.outcome() == "other content")
    }

    @Test func `a file that was rewritten with more bytes is other content, too`() async throws {
        let scene = try await TransferScene("0123456789")
        try await scene.open()
        _ = try await scene.next()
        try scene.directory.write("a.log", "abcdefghijklmnop")
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.next() == "<shut>")
    }

    @Test func `an idle stream is closed after its time, a stream that is owed an acknowledgement is not`()
        async throws
    {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        for _ in 0..<10 {
            await scene.advance(by: .seconds(40))
            try await scene.say("ACK 0")
        }
        #expect(try await scene.isQuiet())
        try await scene.say("ACK 4")
        for _ in 0..<7 {
            await scene.advance(by: .seconds(40))
            try await scene.say("ACK 4")
        }
        #expect(try await scene.isQuiet())
        await scene.advance(by: .seconds(20))
        #expect(try await scene.next() == "<shut>")
    }

    @Test func `an idle stream gives its place up when asked, a busy one does not`() async throws {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        try await scene.fire(TransferCommand.giveUp)
        #expect(try await scene.isQuiet())
        try await scene.say("ACK 4")
        let waiter = Task { await scene.slots.acquire() }
        #expect(try await scene.next() == "<shut>")
        waiter.cancel()
        _ = await waiter.value
    }

    @Test(arguments: [true, false])
    func `a stop waits for the last acknowledgement, five seconds at most`(answers: Bool) async throws {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        try await scene.fire(TransferCommand.stop)
        #expect(try await scene.next() == "<shut>")
        await scene.advance(by: .milliseconds(4_999))
        if answers {
            try await scene.say("ACK 4")
            try await scene.closeServerSide()
        } else {
            await scene.advance(by: .milliseconds(1))
        }
        #expect(try await scene.outcome() == (answers ? "ended" : "failed: the client stops"))
        #expect(scene.acknowledged == (answers ? [0, 4] : [0]))
    }

    @Test func `a rotated file is sent to its end once its wait is over`() async throws {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        try scene.directory.append("a.log", "late")
        scene.file.markRotated(at: .now)
        try await scene.fire(TransferCommand.look)
        #expect(try await scene.next() == "late")
        try await scene.say("ACK 8")
        #expect(try await scene.next() == "<shut>")
    }

    @Test func `a server that closes in the middle interrupts`() async throws {
        let scene = try await TransferScene("text")
        try await scene.open()
        _ = try await scene.next()
        try await scene.closeServerSide()
        #expect(
            try await scene.outcome() == "failed: the connection was lost: the server closed the connection")
    }

    @Test func `what is written while the disk is asked is not missed`() async throws {
        let channel = NIOAsyncTestingChannel()
        let endings = Atomic<Int>(0)
        let scene = try await TransferScene("text", on: channel) { file, directory in
            UncachedFile(file) { offset in
                // The first read meets the end behind "text"; the second finds nothing more, and then there is more.
                guard offset == 4, endings.add(1, ordering: .relaxed).newValue == 2 else { return }
                try? directory.append("a.log", "more")
                channel.pipeline.fireUserInboundEventTriggered(TransferCommand.look)
            }
        }
        try await scene.open()
        #expect(try await scene.next() == "text")
        #expect(try await scene.next() == "more")
    }
}

extension TransferStreamingTests {
    @Test(arguments: [1_000, 10_000])
    func `what the page cache has of a file is not taken for its end`(pageBytes: Int) async throws {
        let text = String(decoding: logText(bytes: 10_000), as: UTF8.self)
        let scene = try await TransferScene(text, sizeLimit: 10_000) { file, _ in
            PartlyCachedFile(file, pageBytes: pageBytes)
        }
        try await scene.open()
        var sent = ""
        while let piece = try await scene.next(), piece != "<shut>" { sent += piece }
        #expect(sent == text)
        try await scene.closeServerSide()
        #expect(try await scene.outcome() == "ended")
    }
}

/// A file of which the page cache has a page that was read before, and no other.
private final class PartlyCachedFile: ReadableFile {
    private let file: any ReadableFile
    private let pageBytes: UInt64
    private let cached = Atomic<UInt64>(0)

    init(_ file: any ReadableFile, pageBytes: Int) {
        self.file = file
        self.pageBytes = UInt64(pageBytes)
    }

    func status() throws(FileError) -> FileStatus { try file.status() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        let page = (offset + UInt64(SourceTail.bytesMax)) / pageBytes + 1
        cached.store(page * pageBytes, ordering: .relaxed)
        return try readCached(into: buffer, at: offset) ?? 0
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int? {
        let end = cached.load(ordering: .relaxed)
        guard offset < end else { return nil }
        let count = min(buffer.count, Int(end - offset))
        return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
    }

    func hasWriter() throws(FileError) -> Bool? { try file.hasWriter() }
}

/// A file whose bytes are never in the page cache; `afterRead` is told of each read's offset when it is done.
private final class UncachedFile: ReadableFile {
    private let file: any ReadableFile
    private let afterRead: @Sendable (UInt64) -> Void

    init(_ file: any ReadableFile, afterRead: @escaping @Sendable (UInt64) -> Void) {
        self.file = file
        self.afterRead = afterRead
    }

    func status() throws(FileError) -> FileStatus { try file.status() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        let count = try file.read(into: buffer, at: offset)
        // Each read begins with the bytes before the offset; only a read behind the end is meant.
        if count == 0 { afterRead(offset) }
        return count
    }

    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int? { nil }

    func hasWriter() throws(FileError) -> Bool? { try file.hasWriter() }
}
