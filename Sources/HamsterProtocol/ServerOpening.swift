/// The server's side of a connection until a stream is open: lines in, decisions asked for, replies out.
package struct ServerOpening: Sendable {
    package enum Action: Sendable, Hashable {
        /// Wait for the next line.
        case awaitLine
        /// Find out whether and where this stream goes; ``decided(_:)`` takes the answer.
        case decide(StreamRequest)
        /// Send the reply and wait for the next line.
        case refuse(Reply)
        /// Send the reply, then close.
        case refuseAndClose(Reply)
        /// Send `200` and hand the connection over to the stream.
        case open(StreamRequest, StreamGrant)
        /// Nothing is owed any more.
        case ignore
    }

    private enum State {
        case awaitingInit(failures: Int)
        case deciding(StreamRequest, failures: Int)
        case ended
    }

    private var state = State.awaitingInit(failures: 0)

    package init() {}

    /// False while an answer is awaited: no further line may be taken from the peer's bytes then.
    package var wantsLine: Bool {
        switch state {
        case .awaitingInit: true
        case .deciding, .ended: false
        }
    }

    package mutating func received(line: [UInt8]) -> Action {
        guard case .awaitingInit(let failures) = state else { return .ignore }
        do {
            let request = try StreamRequest(parsing: line)
            state = .deciding(request, failures: failures)
            return .decide(request)
        } catch {
            return refused(error.reply, failures: failures)
        }
    }

    /// The peer broke the framing of lines itself.
    package mutating func failed(_ error: ProtocolError) -> Action {
        guard case .awaitingInit(let failures) = state else { return .ignore }
        return refused(error.reply, failures: failures)
    }

    package mutating func decided(_ decision: Result<StreamGrant, Reply>) -> Action {
        guard case .deciding(let request, let failures) = state else { return .ignore }
        switch decision {
        case .success(let grant):
            state = .ended
            return .open(request, grant)
        case .failure(let reply):
            return refused(reply, failures: failures)
        }
    }

    /// The opening deadline has passed, or the server stops.
    package mutating func aborted(_ reply: Reply) -> Action {
        switch state {
        case .awaitingInit, .deciding:
            state = .ended
            return .refuseAndClose(reply)
        case .ended:
            return .ignore
        }
    }

    private mutating func refused(_ reply: Reply, failures: Int) -> Action {
        guard !reply.code.endsConnection, failures + 1 < ProtocolLimits.attemptsMax else {
            state = .ended
            return .refuseAndClose(reply)
        }
        state = .awaitingInit(failures: failures + 1)
        return .refuse(reply)
    }
}
