import HamsterCore
import HamsterProtocol
import HamsterStore
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HamsterServer

struct CommitRelayTests {
    final class Offsets: Sendable {
        private let all = Mutex<[UInt64]>([])
        var received: [UInt64] { all.withLock { $0 } }
        func add(_ offset: UInt64) { all.withLock { $0.append(offset) } }
    }

    let relay = CommitRelay()
    let loop = EmbeddedEventLoop()
    let offsets = Offsets()

    @Test func `of many offsets the newest is delivered, once`() {
        relay.attach(to: loop) { [offsets] in offsets.add($0) }
        for offset: UInt64 in [1, 5, 3] { relay.committed(offset) }
        #expect(offsets.received == [])
        loop.run()
        #expect(offsets.received == [5])
        loop.run()
        relay.committed(6)
        loop.run()
        #expect(offsets.received == [5, 6])
    }

    @Test func `what was committed before somebody listens is not lost`() {
        relay.committed(4)
        relay.attach(to: loop) { [offsets] in offsets.add($0) }
        loop.run()
        #expect(offsets.received == [4])
    }

    @Test func `after the end nothing is delivered, also not what was on its way`() {
        relay.attach(to: loop) { [offsets] in offsets.add($0) }
        relay.committed(4)
        relay.detach()
        loop.run()
        relay.committed(5)
        loop.run()
        #expect(offsets.received == [])
    }
}

struct StreamIDTests {
    @Test func `a stream's number is 12 lower-case hex digits, another each time`() {
        let all = (0..<1_000).map { _ in makeStreamID() }
        #expect(all.allSatisfy { $0.utf8.count == 12 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
        #expect(Set(all).count == all.count)
    }
}

struct StoreErrorReplyTests {
    @Test(arguments: [
        (StoreError.Code.busy, "409 another stream is writing this output retry:5\n"),
        (.output, "507 the output cannot be written\n"), (.lost, "507 the output cannot be written\n"),
        (.journal, "500 the journal cannot be written\n"), (.closed, "503 server is stopping retry:1\n"),
    ])
    func `a client hears what kind of trouble it is, and no path of the server`(code: StoreError.Code, line: String) {
        let error = StoreError(code, SourcePath("/secret"))
        #expect(String(decoding: error.reply.line, as: UTF8.self) == line)
    }
}
