import HamsterCore
import HamsterProtocol
import HamsterRouting
import HamsterStore
import NIOCore

/// One connection as the server's process has it: the protocol's machines, driven as the server's handlers drive them.
final class ServerConnection {
    /// Before the stream, while its place or its output is waited for, and open.
    enum Phase {
        case opening
        case claiming(StreamRequest, Router.Route)
        case streaming(Stream)
        case closed
    }

    struct Stream {
        var request: StreamRequest
        var writer: OutputWriter
        var machine: ServerStream
        var mailbox: CommitMailbox
        /// Where another stream may follow.
        var end: UInt64?
        var hasInputEnded = false
        var pendingStop: Reply?
        /// What the output held when the last commit began, and what it held when the last one began that counted.
        var outputBefore: [UInt8]?
        var vouchedOutput: [UInt8]?

        var isAtEnd: Bool { end == writer.position }
    }

    let connection: SimulatedConnection
    let streamID: String
    var opening = ServerOpening()
    var decoder = LineDecoder()
    var phase = Phase.opening
    var heartbeatDue: Int64 = 0

    init(_ connection: SimulatedConnection) {
        self.connection = connection
        let digits = String(connection.id, radix: 16)
        streamID = String(repeating: "0", count: 12 - digits.count) + digits
        send(ServerLine.welcome.bytes + ServerLine.streamID(streamID).bytes)
    }

    /// A commit begins.
    func noteOutput(_ disk: SimulatedDisk) {
        guard case .streaming(var stream) = phase else { return }
        // News of an earlier commit that nobody has looked at yet are of what was there then.
        guard !stream.mailbox.hasNews else { return }
        stream.outputBefore = disk.stored(Scenario.output(stream.request.source))
        phase = .streaming(stream)
    }

    func send(_ bytes: [UInt8]) { connection.send(bytes, from: .server) }

    var hasMail: Bool {
        if case .streaming(let stream) = phase { stream.mailbox.hasNews } else { false }
    }

    var takesBytes: Bool { if case .streaming(let stream) = phase { !stream.writer.waitsForFile } else { false } }
    var isClosed: Bool { if case .closed = phase { true } else { false } }
}
