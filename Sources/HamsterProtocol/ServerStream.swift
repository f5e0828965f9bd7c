/// The server's side of an open stream: what is owed to the client, and when it is over.
///
/// The owner writes the bytes; this struct decides about acknowledgements and the end.
package struct ServerStream: Sendable {
    package enum Action: Sendable, Hashable {
        case none
        case acknowledge(UInt64)
        /// See to it that everything received is committed soon; ``committed(_:)`` tells.
        case commit
        /// Send the last acknowledgement and the last line, where there are any, then close.
        case close(acknowledge: UInt64?, reply: Reply?)
        /// Send the last acknowledgement, and wait for the next `INIT STREAM`.
        case next(acknowledge: UInt64)
    }

    private enum End {
        case closed(Reply?)
        case next
    }

    private enum State {
        case receiving
        /// No more bytes are taken; the end waits until `target` is committed.
        case settling(target: UInt64, End)
        case closed
    }

    /// Whether the client asked for acknowledgements.
    package let isAcknowledged: Bool
    private var state = State.receiving
    private var acknowledged: UInt64
    /// Where the stream ends and another may follow; nil: it ends with the connection.
    private let end: UInt64?

    /// `offset` is where the client was told to start. With `end` the stream is over there, and ``fileEnded()`` says when.
    package init(isAcknowledged: Bool, offset: UInt64, end: UInt64? = nil) {
        self.isAcknowledged = isAcknowledged
        self.end = end
        acknowledged = offset
    }

    /// Bytes that come after this is false are not written.
    package var isReceiving: Bool {
        switch state {
        case .receiving: true
        case .settling, .closed: false
        }
    }

    /// Everything below `offset` is durable.
    package mutating func committed(_ offset: UInt64) -> Action {
        let isNews = offset > acknowledged
        acknowledged = max(acknowledged, offset)
        switch state {
        case .receiving: return isNews ? acknowledge() : .none
        case .settling(let target, let end):
            guard acknowledged >= target else { return isNews ? acknowledge() : .none }
            return finish(end)
        case .closed: return .none
        }
    }

    /// The heartbeat is due: an idle client must hear that its stream lives.
    package mutating func heartbeat() -> Action {
        switch state {
        case .receiving, .settling: acknowledge()
        case .closed: .none
        }
    }

    /// The client has shut its sending side; `received` is the offset behind its last byte that counts.
    package mutating func inputEnded(received: UInt64) -> Action { settle(received, .closed(nil)) }

    /// Every byte below the announced end was received, which makes `received` that end; what comes now is of another stream.
    package mutating func fileEnded(received: UInt64) -> Action {
        settle(received, received == end ? .next : .closed(nil))
    }

    /// The stream ends from our side with a last line, after what was received is committed: a takeover, a stop.
    package mutating func stopped(received: UInt64, reply: Reply) -> Action { settle(received, .closed(reply)) }

    /// The output or the client's data failed: what is not committed yet will not be.
    package mutating func failed(_ reply: Reply) -> Action {
        switch state {
        case .receiving, .settling: finish(.closed(reply))
        case .closed: .none
        }
    }

    /// The connection is gone; nothing can be sent any more.
    package mutating func disconnected() { state = .closed }

    /// The one of the end is sent once, with it: nothing of this stream may come behind it.
    private func acknowledge() -> Action {
        isAcknowledged && acknowledged != end ? .acknowledge(acknowledged) : .none
    }

    private mutating func settle(_ target: UInt64, _ end: End) -> Action {
        guard isReceiving else { return .none }
        // A plain stream is owed no acknowledgement: its bytes are written, and committed in their turn.
        guard isAcknowledged, acknowledged < target else { return finish(end) }
        state = .settling(target: target, end)
        return .commit
    }

    private mutating func finish(_ end: End) -> Action {
        state = .closed
        return switch end {
        case .closed(let reply): .close(acknowledge: isAcknowledged ? acknowledged : nil, reply: reply)
        case .next: .next(acknowledge: acknowledged)
        }
    }
}
