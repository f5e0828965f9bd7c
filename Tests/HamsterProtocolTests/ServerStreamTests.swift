import HamsterProtocol
import HamsterTesting
import Testing

struct ServerStreamTests {
    static let stop = Reply(.unavailable, "stopping")
    static let failure = Reply(.outputFailed, "full")

    @Test func `each new durable offset is acknowledged, none twice, none backwards`() {
        var machine = ServerStream(isAcknowledged: true, offset: 100)
        #expect(machine.committed(100) == .none)
        #expect(machine.committed(150) == .acknowledge(150))
        #expect(machine.committed(120) == .none)
        #expect(machine.heartbeat() == .acknowledge(150))
    }

    @Test func `the end waits for the commit of what was received`() {
        var machine = ServerStream(isAcknowledged: true, offset: 0)
        #expect(machine.isReceiving)
        #expect(machine.inputEnded(received: 10) == .commit)
        #expect(!machine.isReceiving)
        #expect(machine.inputEnded(received: 20) == .none)
        #expect(machine.committed(5) == .acknowledge(5))
        #expect(machine.heartbeat() == .acknowledge(5))
        #expect(machine.committed(10) == .close(acknowledge: 10, reply: nil))
        #expect(machine.committed(11) == .none)
    }

    @Test func `where nothing is open the end comes at once, with a last acknowledgement`() {
        var machine = ServerStream(isAcknowledged: true, offset: 7)
        #expect(machine.inputEnded(received: 7) == .close(acknowledge: 7, reply: nil))
        #expect(machine.heartbeat() == .none)
    }

    @Test func `where another stream follows, the end is acknowledged once, with it`() {
        var machine = ServerStream(isAcknowledged: true, offset: 0, end: 10)
        #expect(machine.committed(5) == .acknowledge(5))
        #expect(machine.committed(10) == .none)
        #expect(machine.heartbeat() == .none)
        #expect(machine.fileEnded(received: 10) == .next(acknowledge: 10))
        #expect(machine.committed(10) == .none)
        #expect(machine.heartbeat() == .none)

        var late = ServerStream(isAcknowledged: true, offset: 0, end: 10)
        #expect(late.fileEnded(received: 10) == .commit)
        #expect(!late.isReceiving)
        #expect(late.committed(10) == .next(acknowledge: 10))

        var atEnd = ServerStream(isAcknowledged: true, offset: 10, end: 10)
        #expect(atEnd.fileEnded(received: 10) == .next(acknowledge: 10))
    }

    @Test func `no other stream follows one that is stopped, fails, or of which less counts than came`() {
        let ends: [(inout ServerStream) -> ServerStream.Action] = [
            { $0.failed(Self.failure) }, { $0.stopped(received: 0, reply: Self.stop) }, { $0.fileEnded(received: 0) },
            { $0.inputEnded(received: 0) },
        ]
        for (index, end) in ends.enumerated() {
            var machine = ServerStream(isAcknowledged: true, offset: 0, end: 10)
            guard case .close = end(&machine) else {
                Issue.record("end \(index)")
                continue
            }
        }
    }

    @Test func `a stop commits, acknowledges, and says why`() {
        var machine = ServerStream(isAcknowledged: true, offset: 0)
        #expect(machine.stopped(received: 10, reply: Self.stop) == .commit)
        #expect(machine.stopped(received: 10, reply: Self.failure) == .none)
        #expect(machine.committed(12) == .close(acknowledge: 12, reply: Self.stop))
    }

    @Test(arguments: [true, false])
    func `a failure ends the stream with what is committed, also while it settles`(isSettling: Bool) {
        var machine = ServerStream(isAcknowledged: true, offset: 3)
        if isSettling { _ = machine.inputEnded(received: 10) }
        #expect(machine.failed(Self.failure) == .close(acknowledge: 3, reply: Self.failure))
        #expect(machine.failed(Self.failure) == .none)
        #expect(machine.committed(10) == .none)
        #expect(machine.inputEnded(received: 10) == .none)
    }

    @Test func `a plain stream hears nothing but a last line`() {
        var machine = ServerStream(isAcknowledged: false, offset: 0)
        #expect(machine.committed(10) == .none)
        #expect(machine.heartbeat() == .none)
        #expect(machine.stopped(received: 20, reply: Self.stop) == .close(acknowledge: nil, reply: Self.stop))

        var ended = ServerStream(isAcknowledged: false, offset: 0)
        #expect(ended.inputEnded(received: 20) == .close(acknowledge: nil, reply: nil))
    }

    @Test func `after a lost connection nothing is owed`() {
        var machine = ServerStream(isAcknowledged: true, offset: 0)
        machine.disconnected()
        #expect(!machine.isReceiving)
        #expect(machine.committed(5) == .none)
        #expect(machine.heartbeat() == .none)
        #expect(machine.inputEnded(received: 5) == .none)
        #expect(machine.failed(Self.failure) == .none)
    }

    @Test(arguments: 0..<200)
    func `in any order of events acknowledgements only grow, and the end comes once`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = ServerStream(isAcknowledged: true, offset: 5, end: seed.isMultiple(of: 2) ? 30 : nil)
        var (last, committed, ends) = (UInt64(5), UInt64(5), 0)
        for _ in 0..<30 {
            let offset = UInt64(random.int(0...40))
            let action: ServerStream.Action
            switch random.int(0...9) {
            case 0: action = machine.inputEnded(received: offset)
            case 1: action = machine.stopped(received: offset, reply: Self.stop)
            case 2: action = machine.failed(Self.failure)
            case 3: action = machine.heartbeat()
            case 4 where seed.isMultiple(of: 2): action = machine.fileEnded(received: 30)
            default:
                committed = max(committed, offset)
                action = machine.committed(offset)
            }
            switch action {
            case .none, .commit: break
            case .acknowledge(let offset): (last, ends) = (offset, offset < last || offset > committed ? 99 : ends)
            case .close(let offset, _): ends += offset.map { $0 < last || $0 > committed } ?? true ? 99 : 1
            case .next(let offset): ends += offset < last || offset > committed || offset < 30 ? 99 : 1
            }
        }
        #expect(ends <= 1)
    }
}
