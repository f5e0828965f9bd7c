import HamsterClient
import HamsterCore
import HamsterProtocol
import HamsterTail
import Testing

struct FileTransferTests {
    private let followed = FileTransfer.Source(sizeLimit: nil, isRotated: false)
    private let rotated = FileTransfer.Source(sizeLimit: nil, isRotated: true)
    private let text = Array("0123456789".utf8)

    private func machine(acknowledged: UInt64 = 0) throws -> FileTransfer {
        let request = StreamRequest(
            source: StreamSource(host: "web1", path: SourcePath("/a.log")),
            acknowledgement: .init(file: try #require(FileToken("f")), offset: acknowledged), offersCompression: false)
        return FileTransfer(
            request, .init(chunkBytesMin: 100, flushInterval: .milliseconds(160), closeIdle: .seconds(300)))
    }

    /// A machine whose stream is open, and that has sent `text`.
    private func streaming(_ source: FileTransfer.Source? = nil) throws -> FileTransfer {
        var machine = try machine()
        for said in ["### hello", "STREAMID 9f2c1a4be07d"] { _ = machine.received(try line(said), now: .zero) }
        #expect(name(machine.received(try line("200 OK ack:1 offset:0"), now: .zero)) == "verify")
        #expect(name(machine.verified(SourcePosition(), now: .zero)) == "read")
        #expect(name(machine.accept(text.span.bytes, source ?? followed, now: .zero)) == "confirm")
        #expect(name(machine.confirmed(true)) == "none")
        #expect(name(machine.accept(text.span.bytes, source ?? followed, now: .zero)) == "send")
        return machine
    }

    private func line(_ text: String) throws -> ServerLine { try ServerLine(parsing: Array(text.utf8)) }

    /// What a read at the end of `text` brings: the overlap alone.
    private func end(_ machine: inout FileTransfer, _ source: FileTransfer.Source, now: Duration = .zero) -> String {
        name(machine.accept(text.span.bytes, source, now: now))
    }

    /// What a read brings while the beginning is short.
    private func send(
        _ bytes: [UInt8], _ machine: inout FileTransfer, _ source: FileTransfer.Source, now: Duration = .zero
    ) -> String {
        #expect(name(machine.accept(bytes.span.bytes, source, now: now)) == "confirm")
        #expect(name(machine.confirmed(true)) == "none")
        return name(machine.accept(bytes.span.bytes, source, now: now))
    }

    private func name(_ action: FileTransfer.Action) -> String {
        switch action {
        case .none: "none"
        case .sendRequest: "request"
        case .verify: "verify"
        case .acknowledged(let position): "acknowledged \(position.map { "\($0.offset)" } ?? "-")"
        case .read: "read"
        case .confirm: "confirm"
        case .send: "send"
        case .compare: "compare"
        case .observe: "observe"
        case .rest(let rest):
            "rest\(rest.lookAfter.map { " \($0)" } ?? "")\(rest.isSettled ? ", settled" : "")"
        case .shut: "shut"
        case .end(let outcome): "end: \(outcome)"
        }
    }

    @Test func `a stream leaves for a better server once it is idle, and not before`() throws {
        var machine = try streaming()
        #expect(name(machine.leave(followed, now: .seconds(100))) == "none")
        #expect(end(&machine, followed, now: .seconds(1)) == "rest")
        #expect(name(machine.received(try line("ACK 10"), now: .seconds(1))) == "acknowledged 10")
        #expect(name(machine.reconsider(followed, now: .seconds(1))) == "shut")

        machine = try streaming()
        #expect(end(&machine, followed) == "rest")
        #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "acknowledged 10")
        #expect(name(machine.leave(followed, now: .zero)) == "shut")
    }

    /// A machine of a file with `size` bytes whose stream is open, on a connection for more than that.
    private func sharing(size: UInt64, offset: UInt64 = 0) throws -> FileTransfer {
        var request = StreamRequest(
            source: StreamSource(host: "web1", path: SourcePath("/a.log")),
            acknowledgement: .init(file: try #require(FileToken("f")), offset: offset), size: size)
        request.asksForNext = true
        var machine = FileTransfer(
            request, .init(chunkBytesMin: 100, flushInterval: .zero, closeIdle: .seconds(300)), on: "9f2c1a4be07d")
        #expect(name(machine.begin()) == "request")
        #expect(name(machine.received(try line("200 OK ack:1 offset:\(offset) next:1"), now: .zero)) == "verify")
        return machine
    }

    @Test func `a file that is sent whole leaves its connection to another`() throws {
        var machine = try sharing(size: 10)
        #expect(name(machine.verified(SourcePosition(), now: .zero)) == "read")
        _ = machine.accept(text.span.bytes, followed, now: .zero)
        _ = machine.confirmed(true)
        #expect(name(machine.accept(text.span.bytes, followed, now: .zero)) == "send")
        #expect(machine.nextRead(followed) == nil, "what the file has grown by is not of this stream")
        #expect(end(&machine, followed) == "none")
        #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "acknowledged 10")
        #expect(name(machine.reconsider(followed, now: .zero)) == "end: end")
        #expect(machine.isConnectionFree)
    }

    @Test func `a file of which nothing is left does so too, whether its last word comes early or late`() throws {
        for isEarly in [true, false] {
            var machine = try sharing(size: 10, offset: 10)
            if isEarly { #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "none") }
            var position = SourcePosition()
            position.offset = 10
            #expect(name(machine.verified(position, now: .zero)) == "read")
            #expect(machine.nextRead(followed) == nil)
            #expect(name(machine.accept(RawSpan(), followed, now: .zero)) == (isEarly ? "end: end" : "none"))
            if !isEarly { #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "end: end") }
            #expect(machine.isConnectionFree)
        }
    }

    @Test func `a connection is of no more use where its file ended otherwise`() throws {
        let ends: [(inout FileTransfer) -> FileTransfer.Action] = [
            { $0.stop() }, { $0.reopen() }, { $0.serverEnded() }, { $0.disconnected() },
            { $0.failed(.stopped) }, { $0.giveUp(followed, now: .seconds(11)) },
        ]
        for (index, end) in ends.enumerated() {
            var machine = try sharing(size: 10)
            #expect(name(machine.verified(SourcePosition(), now: .zero)) == "read")
            _ = end(&machine)
            _ = machine.received(.acknowledged(0), now: .zero)
            _ = machine.serverEnded()
            #expect(machine.isEnded && !machine.isConnectionFree, "end \(index)")
        }
    }

    @Test func `a server that closes before its last word has interrupted the file`() throws {
        var machine = try sharing(size: 10)
        #expect(name(machine.verified(SourcePosition(), now: .zero)) == "read")
        _ = machine.accept(text.span.bytes, followed, now: .zero)
        _ = machine.confirmed(true)
        _ = machine.accept(text.span.bytes, followed, now: .zero)
        #expect(end(&machine, followed) == "none")
        #expect(name(machine.serverEnded()) == "end: the connection was lost: the server closed the connection")
    }

    @Test func `at the end of a followed file nothing is to be done until it changes`() throws {
        var machine = try streaming()
        #expect(end(&machine, followed) == "rest")
        #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "acknowledged 10")
        #expect(name(machine.reconsider(followed, now: .zero)) == "rest, settled")
        #expect(name(machine.changed(followed, size: 12, now: .seconds(1))) == "compare")
        #expect(name(machine.compared(true)) == "read")
    }

    @Test func `small pieces wait for their time, a chunk, a rotation and a truncation don't`() throws {
        let cases: [(FileTransfer.Source, UInt64?, Duration, String)] = [
            (followed, 12, .milliseconds(4), "rest 0.156 seconds"), (followed, 110, .milliseconds(4), "compare"),
            (rotated, 12, .milliseconds(4), "compare"), (followed, 9, .milliseconds(4), "compare"),
            (followed, nil, .milliseconds(4), "compare"), (followed, 12, .milliseconds(160), "compare"),
        ]
        for (source, size, now, expected) in cases {
            var machine = try streaming()
            _ = end(&machine, followed)
            #expect(name(machine.changed(source, size: size, now: now)) == expected)
        }
    }

    @Test func `a change while the file is read or looked at is not missed`() throws {
        var machine = try streaming()
        #expect(name(machine.changed(followed, size: 20, now: .zero)) == "none")
        #expect(end(&machine, followed) == "read")
        #expect(end(&machine, followed) == "rest")

        machine = try streaming()
        #expect(end(&machine, rotated) == "observe")
        #expect(name(machine.changed(rotated, size: 20, now: .zero)) == "none")
        #expect(name(machine.observed(.seconds(5), now: .zero)) == "read")
    }

    @Test func `a rotated file ends after one more read behind the news that nobody writes to it`() throws {
        var machine = try streaming()
        #expect(end(&machine, rotated) == "observe")
        #expect(name(machine.observed(.seconds(5), now: .zero)) == "rest 5.0 seconds")
        #expect(name(machine.lookIsDue()) == "compare")
        #expect(name(machine.compared(true)) == "read")
        #expect(end(&machine, rotated) == "observe")
        #expect(name(machine.observed(.zero, now: .zero)) == "read")
        let late = text + Array("late".utf8)
        #expect(send(late, &machine, rotated) == "send")
        #expect(name(machine.accept(late.span.bytes, rotated, now: .zero)) == "observe")
        #expect(name(machine.observed(.zero, now: .zero)) == "read")
        #expect(name(machine.accept(late.span.bytes, rotated, now: .zero)) == "shut")
        #expect(name(machine.serverEnded()) == "end: end")
    }

    @Test func `a limited file ends at its limit, and is other content where it is shorter`() throws {
        let limited = FileTransfer.Source(sizeLimit: 10, isRotated: false)
        var machine = try streaming(limited)
        #expect(machine.nextRead(limited) == nil)
        #expect(name(machine.accept(RawSpan(), limited, now: .zero)) == "shut")
        #expect(name(machine.disconnected()) == "end: end")

        machine = try streaming(FileTransfer.Source(sizeLimit: 11, isRotated: false))
        #expect(end(&machine, FileTransfer.Source(sizeLimit: 11, isRotated: false)) == "shut")
        #expect(name(machine.serverEnded()) == "end: the file holds other content")
    }

    @Test func `another beginning is other content, though the end is the same`() throws {
        var machine = try streaming()
        _ = end(&machine, followed)
        _ = machine.changed(followed, size: 20, now: .seconds(1))
        #expect(name(machine.compared(false)) == "shut")
        #expect(name(machine.received(try line("ACK 10"), now: .zero)) == "acknowledged 10")
        #expect(name(machine.serverEnded()) == "end: the file holds other content")
    }

    @Test func `what is not acknowledged keeps a stream from being idle, for a while`() throws {
        var machine = try streaming()
        _ = end(&machine, followed)
        #expect(name(machine.giveUp(followed, now: .seconds(9))) == "none")
        #expect(name(machine.idleIsDue(now: .seconds(9))) == "rest")
        #expect(name(machine.idleIsDue(now: .seconds(10))) == "rest, settled")
        #expect(name(machine.idleIsDue(now: .seconds(299))) == "rest, settled")
        #expect(name(machine.idleIsDue(now: .seconds(300))) == "shut")
        machine = try streaming()
        _ = end(&machine, followed)
        #expect(name(machine.giveUp(followed, now: .seconds(10))) == "shut")
    }

    @Test func `a server that is there and acknowledges nothing is left`() throws {
        let heartbeat = try line("ACK 0")
        for isResting in [false, true] {
            var machine = try streaming()
            if isResting { _ = end(&machine, followed) }
            #expect(name(machine.received(heartbeat, now: .seconds(299))) == "none")
            #expect(name(machine.received(heartbeat, now: .seconds(300))) == "shut")
            // From now on it owes them in any case.
            for second in [305, 394] { #expect(name(machine.received(heartbeat, now: .seconds(second))) == "none") }
            #expect(name(machine.received(heartbeat, now: .seconds(395))).hasPrefix("end: "))
        }
        // Any progress begins the time anew, and so does a part of a line.
        var machine = try streaming()
        #expect(name(machine.received(try line("ACK 4"), now: .seconds(200))) == "acknowledged -")
        #expect(name(machine.received(try line("ACK 4"), now: .seconds(499))) == "none")
        machine = try streaming()
        let more = text + Array("more".utf8)
        #expect(send(more, &machine, followed, now: .seconds(200)) == "send")
        #expect(name(machine.accept(more.span.bytes, followed, now: .seconds(200))) == "rest")
        #expect(name(machine.received(heartbeat, now: .seconds(499))) == "none")
        #expect(name(machine.received(heartbeat, now: .seconds(500))) == "shut")
    }

    @Test func `a place is given up by who is idle, and by the busy after their turn`() throws {
        var machine = try streaming()
        #expect(name(machine.giveUp(followed, now: .seconds(10))) == "none")
        #expect(name(machine.giveUp(followed, now: .seconds(11))) == "shut")
        machine = try streaming()
        _ = end(&machine, followed)
        _ = machine.received(try line("ACK 10"), now: .zero)
        #expect(name(machine.giveUp(rotated, now: .seconds(1))) == "none")
        #expect(name(machine.giveUp(followed, now: .seconds(1))) == "shut")
    }

    @Test func `after its end nothing moves a machine any more`() throws {
        var machine = try streaming()
        #expect(name(machine.received(try line("503 stop retry:1"), now: .zero)) == "end: 503 stop")
        #expect(machine.isEnded && !machine.isReading)
        let actions = [
            machine.received(try line("ACK 10"), now: .zero), machine.verified(SourcePosition(), now: .zero),
            machine.accept(text.span.bytes, followed, now: .zero), machine.changed(followed, size: nil, now: .zero),
            machine.compared(true), machine.observed(.zero, now: .zero), machine.stop(), machine.serverEnded(),
            machine.disconnected(), machine.failed(.stopped), machine.idleIsDue(now: .seconds(99)),
            machine.giveUp(followed, now: .seconds(99)), machine.lookIsDue(), machine.confirmed(true),
        ]
        #expect(actions.map { name($0) } == Array(repeating: "none", count: actions.count))
    }

    @Test func `what comes too late for its state is ignored`() throws {
        var machine = try machine()
        #expect(name(machine.compared(true)) == "none")
        #expect(name(machine.observed(.zero, now: .zero)) == "none")
        #expect(name(machine.confirmed(false)) == "none")
        #expect(name(machine.accept(text.span.bytes, followed, now: .zero)) == "none")
        #expect(name(machine.stop()) == "end: the client stops")
        machine = try streaming()
        #expect(name(machine.stop()) == "shut")
        #expect(name(machine.accept(text.span.bytes, followed, now: .zero)) == "none")
        #expect(name(machine.stop()) == "none")
    }

    @Test func `other content at the opening tells what the server knows`() throws {
        var machine = try machine()
        for said in ["### hello", "STREAMID 9f2c1a4be07d"] { _ = machine.received(try line(said), now: .zero) }
        _ = machine.received(try line("200 OK ack:1 offset:7 check:0000000a"), now: .zero)
        guard case .end(.otherContent(let view)) = machine.verified(nil, now: .zero) else {
            Issue.record("expected an end")
            return
        }
        #expect(view == FileCatalogue.ServerView(offset: 7, check: ContinuityCheck(value: 10)))
    }

    @Test func `what is read first is sent once it is known that nothing else stood there before`() throws {
        var machine = try machine()
        for said in ["### hello", "STREAMID 9f2c1a4be07d", "200 OK ack:1 offset:0"] {
            _ = machine.received(try line(said), now: .zero)
        }
        _ = machine.verified(SourcePosition(), now: .zero)
        #expect(name(machine.accept(text.span.bytes, followed, now: .zero)) == "confirm")
        #expect(!machine.isReading)
        #expect(name(machine.confirmed(false)) == "shut")
        guard case .end(.otherContent(let view)) = machine.serverEnded() else {
            Issue.record("expected an end")
            return
        }
        #expect(view == .nothing)
    }

    @Test func `what goes on behind a checked offset needs no confirmation`() throws {
        var machine = try machine(acknowledged: 70)
        for said in ["### hello", "STREAMID 9f2c1a4be07d", "200 OK ack:1 offset:70"] {
            _ = machine.received(try line(said), now: .zero)
        }
        _ = machine.verified(SourcePosition(offset: 70, tail: SourceTail(text[...])), now: .zero)
        #expect(name(machine.accept((text + text).span.bytes, followed, now: .zero)) == "send")
    }

    @Test(arguments: [(acknowledged: 10, offset: 10), (acknowledged: 0, offset: 70)])
    func `what the disk may not know enough of is confirmed`(acknowledged: UInt64, offset: UInt64) throws {
        var machine = try machine(acknowledged: acknowledged)
        for said in ["### hello", "STREAMID 9f2c1a4be07d", "200 OK ack:1 offset:\(offset)"] {
            _ = machine.received(try line(said), now: .zero)
        }
        _ = machine.verified(SourcePosition(offset: offset, tail: SourceTail(text[...])), now: .zero)
        guard case .confirm(let isBeginning) = machine.accept((text + text).span.bytes, followed, now: .zero) else {
            Issue.record("expected to be asked")
            return
        }
        #expect(isBeginning == (offset == 10))
    }

    @Test func `short pieces are confirmed until their beginning can be told from others`() throws {
        var machine = try streaming()
        var content = text
        while content.count < 70 {
            let read = content.suffix(64) + text
            #expect(name(machine.lookIsDue()) == "none")
            #expect(send(Array(read), &machine, followed) == "send")
            content += text
        }
        #expect(name(machine.accept(Array(content.suffix(64) + text).span.bytes, followed, now: .zero)) == "send")
    }
}
