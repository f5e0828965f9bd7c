import HamsterCore
import HamsterProtocol
import Testing

struct ServerOpeningTests {
    static let request = StreamRequest(source: StreamSource(host: "a", path: SourcePath("/b")))
    static let line = Array("INIT STREAM a:/b".utf8)
    static let busy = Reply(.busy, "later", retrySeconds: 5)
    static let stopping = Reply(.unavailable, "server is stopping")
    var machine = ServerOpening()

    @Test mutating func `a request is decided and opens the stream`() {
        #expect(machine.wantsLine)
        #expect(machine.received(line: Self.line) == .decide(Self.request))
        #expect(!machine.wantsLine)
        let grant = StreamGrant(offset: 5)
        #expect(machine.decided(.success(grant)) == .open(Self.request, grant))
        #expect(!machine.wantsLine)
    }

    @Test mutating func `after a refusal the next line counts, after the third the connection ends`() {
        for _ in 0..<2 {
            #expect(machine.received(line: Self.line) == .decide(Self.request))
            #expect(machine.decided(.failure(Self.busy)) == .refuse(Self.busy))
            #expect(machine.wantsLine)
        }
        #expect(machine.received(line: Self.line) == .decide(Self.request))
        #expect(machine.decided(.failure(Self.busy)) == .refuseAndClose(Self.busy))
        #expect(!machine.wantsLine)
    }

    @Test mutating func `malformed lines count as failures too`() {
        for isLast in [false, false, true] {
            let action = machine.received(line: Array("HELO".utf8))
            switch action {
            case .refuse(let reply): #expect(reply.code == .malformed && !isLast)
            case .refuseAndClose(let reply): #expect(reply.code == .malformed && isLast)
            default: Issue.record("unexpected \(action)")
            }
        }
        #expect(machine.received(line: Self.line) == .ignore)
    }

    @Test(arguments: [ReplyCode.lineTooLong, .limitReached, .serverFailed, .unavailable])
    func `some refusals end the connection at once`(code: ReplyCode) {
        var machine = ServerOpening()
        _ = machine.received(line: Self.line)
        #expect(machine.decided(.failure(Reply(code, "x"))) == .refuseAndClose(Reply(code, "x")))
    }

    @Test mutating func `a line that is too long ends the connection at once`() {
        let error = ProtocolError(.lineTooLong, "too long")
        #expect(machine.failed(error) == .refuseAndClose(Reply(.lineTooLong, "too long")))
        #expect(machine.failed(error) == .ignore)
    }

    @Test mutating func `a stop is told while waiting and while deciding, then nothing is owed`() {
        var deciding = machine
        _ = deciding.received(line: Self.line)

        #expect(machine.aborted(Self.stopping) == .refuseAndClose(Self.stopping))
        #expect(deciding.aborted(Self.stopping) == .refuseAndClose(Self.stopping))
        #expect(deciding.aborted(Self.stopping) == .ignore)
        #expect(deciding.decided(.success(StreamGrant())) == .ignore)
        #expect(deciding.received(line: Self.line) == .ignore)
    }

    @Test mutating func `what comes in the wrong state is ignored`() {
        #expect(machine.decided(.failure(Self.busy)) == .ignore)
        _ = machine.received(line: Self.line)
        #expect(machine.received(line: Self.line) == .ignore)
        #expect(machine.failed(ProtocolError(.lineTooLong, "x")) == .ignore)
        #expect(machine.decided(.success(StreamGrant())) == .open(Self.request, StreamGrant()))
        #expect(machine.aborted(Self.stopping) == .ignore)
    }
}
