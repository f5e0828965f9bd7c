internal import HamsterCore

/// The client's side of a connection: from the welcome line to the last acknowledgement.
package struct ClientStream: Sendable {
    package enum Action: Sendable, Hashable {
        case none
        /// Send the `INIT STREAM` line.
        case sendRequest(StreamRequest)
        /// The stream is open: go on from the grant.
        case start(StreamGrant)
        case acknowledged(UInt64)
        /// The server ends or refuses the stream.
        case refused(Reply)
        /// The server does not speak this protocol.
        case fail(ProtocolError)
    }

    private enum State {
        case awaitingWelcome(StreamRequest)
        case awaitingStreamID(StreamRequest)
        case awaitingReply(StreamRequest)
        case streaming(acknowledged: UInt64)
        case ended
    }

    private var state: State
    /// The server's name for this connection, once it is known; both sides log it.
    package private(set) var streamID: String?

    package init(_ request: StreamRequest) { state = .awaitingWelcome(request) }

    /// On a connection that has carried another stream before, and got this name then: ``begin()`` gives the first line.
    package init(_ request: StreamRequest, on streamID: String) {
        state = .awaitingReply(request)
        self.streamID = streamID
    }

    /// What to do before the server has said anything.
    package func begin() -> Action {
        guard case .awaitingReply(let request) = state else { return .none }
        return .sendRequest(request)
    }

    package mutating func received(_ line: ServerLine) -> Action {
        switch (state, line) {
        case (.ended, _):
            return .none
        case (_, .refused(let reply)):
            state = .ended
            return .refused(reply)
        case (.awaitingWelcome(let request), .welcome):
            state = .awaitingStreamID(request)
            return .none
        case (.awaitingStreamID(let request), .streamID(let streamID)):
            self.streamID = streamID
            state = .awaitingReply(request)
            return .sendRequest(request)
        case (.awaitingReply(let request), .ready(let grant)):
            return start(request, grant)
        case (.streaming(let acknowledged), .acknowledged(let offset)):
            guard offset >= acknowledged else { return fail("ACK went back from \(acknowledged) to \(offset)") }
            state = .streaming(acknowledged: offset)
            return .acknowledged(offset)
        case (.awaitingWelcome, _), (.awaitingStreamID, _), (.awaitingReply, _), (.streaming, _):
            return fail("unexpected line '\(printable(line.bytes.dropLast()))'")
        }
    }

    private mutating func start(_ request: StreamRequest, _ grant: StreamGrant) -> Action {
        guard (request.acknowledgement == nil) == (grant.offset == nil) else {
            return fail("the server does not acknowledge as asked")
        }
        guard request.offersCompression || !grant.isCompressed else {
            return fail("the server granted compression that was not offered")
        }
        guard !grant.takesNext || request.hasNext(behind: grant) else {
            return fail("the server granted next:1, which was not asked for")
        }
        state = .streaming(acknowledged: grant.offset ?? 0)
        return .start(grant)
    }

    private mutating func fail(_ text: String) -> Action {
        state = .ended
        return .fail(ProtocolError(.unexpected, text))
    }
}
