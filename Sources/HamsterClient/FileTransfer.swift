package import HamsterCore
package import HamsterProtocol
package import HamsterTail

/// One file on one connection: opens the stream, says what to read and when, hears acknowledgements, and ends when the
/// file is delivered, idle for long, or the client stops.
///
/// A value without I/O and clock: events go in, each gives one ``Action`` to carry out. Times are of any clock that
/// only goes forward.
package struct FileTransfer: Sendable {
    /// How eagerly is sent.
    package struct Settings: Sendable, Hashable {
        /// In bytes: with so much unsent a batch goes out whatever ``flushInterval`` says.
        package var chunkBytesMin: Int
        /// How often less than that is sent in the long run; see ``SendPace``.
        package var flushInterval: Duration
        package var closeIdle: Duration

        package init(chunkBytesMin: Int, flushInterval: Duration, closeIdle: Duration) {
            self.chunkBytesMin = chunkBytesMin
            self.flushInterval = flushInterval
            self.closeIdle = closeIdle
        }
    }

    /// What is true of the file beside its bytes.
    package struct Source: Sendable, Hashable {
        /// Bytes behind it are not sent.
        package var sizeLimit: UInt64?
        package var isRotated: Bool

        package init(sizeLimit: UInt64?, isRotated: Bool) {
            self.sizeLimit = sizeLimit
            self.isRotated = isRotated
        }

        package init(_ file: TailedFile) {
            self.init(sizeLimit: file.sizeLimit, isRotated: file.rotatedAt != nil)
        }
    }

    private enum State {
        case opening
        case verifying(StreamGrant)
        case streaming(Streaming)
        /// Our side is shut; the last acknowledgements are awaited.
        case finishing(Streaming, TransferOutcome)
        case ended
    }

    private enum Activity {
        case reading, confirming, comparing, observing, resting
    }

    private struct Streaming {
        var reader: SourceReader
        var sent = SentPositions()
        var acknowledged: UInt64
        var activity = Activity.reading
        /// What is read next may be sent: the file has held nothing else since the server was asked, and the state on disk
        /// knows enough of it to tell it from other content.
        var isConfirmed: Bool
        /// The file changed while it was looked at, maybe after that look.
        var isLookDue = false
        /// A rotated file can't grow any more: the next end is the last one.
        var isComplete = false
        var openedAt: Duration
        /// Nil: nothing was sent yet.
        var sentAt: Duration?
        /// Since when acknowledgements are owed, and none has come; nil: none is owed.
        var owedSince: Duration?

        /// As long as nothing was sent, the server has nothing. After that it has what the last acknowledgement will say.
        var otherContent: TransferOutcome {
            .otherContent(reader.offset == 0 ? FileCatalogue.ServerView.nothing : nil)
        }
    }

    /// How long a busy stream keeps its place while others wait for one, and how long an idle one waits for an
    /// acknowledgement that may never come: an unfinished line's of an output of lines.
    private static let turn: Duration = .seconds(10)
    /// How long a server that is there acknowledges nothing of what it gets: something between swallows it. TCP itself finds
    /// most such paths (``ProtocolLimits/transmissionMax``), but not those through a proxy.
    private static let stallMax: Duration = .seconds(90)

    /// The end at which the connection becomes free for another file.
    private struct Release {
        var size: UInt64
        /// The server has said that it is reached, which is the last that comes of this file.
        var isAcknowledged = false
    }

    private let settings: Settings
    private let isInquiry: Bool
    /// An acknowledgement of the file was known before the server was asked.
    private let isKnown: Bool
    /// In bytes, where the file is complete.
    private let size: UInt64?
    private var machine: ClientStream
    private var pace: SendPace
    private var state = State.opening
    /// Nil: the connection ends with this file.
    private var release: Release?
    /// The connection ends as soon as nothing is to be done on it.
    private var isLeaving = false

    /// `isInquiry`: nothing is to be sent unless the server knows the file. `streamID` is the name of a connection that has
    /// carried another file before; ``begin()`` opens the stream there.
    package init(
        _ request: StreamRequest, _ settings: Settings, isInquiry: Bool = false, on streamID: String? = nil
    ) {
        self.settings = settings
        self.isInquiry = isInquiry
        isKnown = request.acknowledgement.map { $0.offset > 0 } ?? false
        size = request.size
        machine = streamID.map { ClientStream(request, on: $0) } ?? ClientStream(request)
        pace = SendPace(interval: settings.flushInterval)
    }

    /// What to do before anything was received.
    package func begin() -> Action {
        if case .sendRequest(let request) = machine.begin() { .sendRequest(request) } else { .none }
    }

    /// The file has ended, and the server waits for the next request on this connection.
    package var isConnectionFree: Bool { isEnded && release?.isAcknowledged == true }

    /// The server's name for this connection, once it is known.
    package var streamID: String? { machine.streamID }

    /// The offset below which all is durable; nil before the stream is open.
    package var acknowledged: UInt64? { streaming?.acknowledged }

    package var isEnded: Bool { if case .ended = state { true } else { false } }

    /// The next bytes are to be read.
    package var isReading: Bool { streaming(.reading) != nil }

    private var streaming: Streaming? {
        switch state {
        case .streaming(let streaming), .finishing(let streaming, _): streaming
        case .opening, .verifying, .ended: nil
        }
    }

    private func streaming(_ activity: Activity) -> Streaming? {
        guard case .streaming(let streaming) = state, streaming.activity == activity else { return nil }
        return streaming
    }
}

// MARK: - The server

extension FileTransfer {
    package mutating func received(_ line: ServerLine, now: Duration) -> Action {
        guard !isEnded else { return .none }
        switch machine.received(line) {
        case .none: return .none
        case .sendRequest(let request): return .sendRequest(request)
        case .start(let grant):
            if isInquiry, grant.offset == 0 { return end(.unknown) }
            if grant.takesNext { release = size.map { Release(size: $0) } }
            state = .verifying(grant)
            return .verify(grant)
        case .acknowledged(let offset): return acknowledge(offset, now: now)
        case .refused(let reply): return end(.refused(reply))
        case .fail(let error): return end(.failed(.violated(error)))
        }
    }

    /// The position from which the stream goes on; nil: the file is not the one that the server knows.
    package mutating func verified(_ position: SourcePosition?, now: Duration) -> Action {
        guard case .verifying(let grant) = state else { return .none }
        guard let position else {
            return end(.otherContent(grant.offset.map { FileCatalogue.ServerView(offset: $0, check: grant.check) }))
        }
        state = .streaming(
            Streaming(
                reader: SourceReader(from: position), acknowledged: position.offset,
                isConfirmed: isKnown && Self.isWellBegun(position), openedAt: now))
        return .read
    }

    /// With fewer bytes a beginning is easily that of other content, too.
    private static func isWellBegun(_ position: SourcePosition) -> Bool {
        position.offset >= UInt64(SourceTail.bytesMax)
    }

    private mutating func acknowledge(_ offset: UInt64, now: Duration) -> Action {
        if offset == release?.size { release?.isAcknowledged = true }
        guard var streaming else { return .none }
        guard offset <= streaming.reader.offset else {
            return end(.failed(.violated(ProtocolError(.unexpected, "ACK \(offset) is beyond what was sent"))))
        }
        guard offset > streaming.acknowledged else { return isDone ? end(.ended) : heartbeat(now: now) }
        streaming.acknowledged = offset
        streaming.owedSince = offset == streaming.reader.offset ? nil : now
        let position = streaming.sent.acknowledged(offset)
        update(streaming)
        return .acknowledged(position)
    }

    /// The server is there, and has acknowledged nothing new.
    private mutating func heartbeat(now: Duration) -> Action {
        guard var streaming, streaming.acknowledged < streaming.reader.offset else { return .none }
        guard let owedSince = streaming.owedSince else {
            streaming.owedSince = now
            update(streaming)
            return .none
        }
        guard case .streaming = state else {
            guard now - owedSince >= Self.stallMax else { return .none }
            return end(
                .failed(.interrupted("the server has acknowledged nothing for \(Self.stallMax.components.seconds) s")))
        }
        // The end of a line may come late, and its server waits for that.
        let since = self.streaming(.resting) == nil ? owedSince : max(owedSince, streaming.sentAt ?? owedSince)
        return now - since >= max(Self.stallMax, settings.closeIdle) ? finish(streaming, .ended) : .none
    }

    /// All is sent and acknowledged, and the connection is not shut for that.
    private var isDone: Bool {
        guard case .finishing = state else { return false }
        return release?.isAcknowledged == true
    }

    /// After an acknowledgement: the file may be done now, or a resting stream be settled.
    package mutating func reconsider(_ source: Source, now: Duration) -> Action {
        if isDone { return end(.ended) }
        guard let streaming = streaming(.resting), !source.isRotated else { return .none }
        return rest(streaming, now: now)
    }

    /// The server has shut its side, in order.
    package mutating func serverEnded() -> Action {
        switch state {
        case .finishing(_, let outcome) where release == nil: end(outcome)
        case .streaming(let streaming)
        where streaming.activity == .resting && streaming.acknowledged == streaming.reader.offset:
            // It may close a stream that is idle for too long.
            end(.ended)
        case .opening, .verifying, .streaming, .finishing:
            end(.failed(.interrupted("the server closed the connection")))
        case .ended: .none
        }
    }

    /// The connection is gone. On plain TCP that is how the peer's end shows once our side is shut.
    package mutating func disconnected() -> Action {
        if case .finishing(_, let outcome) = state, release == nil { return end(outcome) }
        return end(.failed(.interrupted("the connection was closed")))
    }

    package mutating func failed(_ error: ClientError) -> Action { end(.failed(error)) }
}

// MARK: - The file

extension FileTransfer {
    /// Where to read next; nil: there is nothing to read, and ``accept(_:_:now:)`` wants an empty span.
    package func nextRead(_ source: Source) -> SourceReader.Request? {
        streaming(.reading)?.reader.next(below: limit(source))
    }

    /// Behind the end that was announced, the server expects another file.
    private func limit(_ source: Source) -> UInt64? {
        guard let size = release?.size else { return source.sizeLimit }
        return min(size, source.sizeLimit ?? size)
    }

    /// Takes what was read where ``nextRead(_:)`` said.
    package mutating func accept(_ bytes: RawSpan, _ source: Source, now: Duration) -> Action {
        guard var streaming = streaming(.reading) else { return .none }
        guard streaming.reader.next(below: limit(source)) != nil else {
            return reachedEnd(streaming, source, now: now)
        }
        switch streaming.reader.accept(bytes) {
        case .batch where !streaming.isConfirmed: return confirm()
        case .batch(let overlap):
            streaming.owedSince = streaming.owedSince ?? now
            streaming.sent.append(streaming.reader.position)
            streaming.sentAt = now
            pace.sent(at: now)
            streaming.isComplete = false
            streaming.isConfirmed = Self.isWellBegun(streaming.reader.position)
            state = .streaming(streaming)
            return .send(overlap: overlap)
        case .end: return reachedEnd(streaming, source, now: now)
        case .replaced: return finish(streaming, streaming.otherContent)
        }
    }

    private mutating func confirm() -> Action {
        guard var streaming = streaming(.reading) else { return .none }
        streaming.activity = .confirming
        state = .streaming(streaming)
        return .confirm(isBeginning: streaming.reader.startsAtBeginning)
    }

    /// Whether what was read is what the file has held since the server was asked, and may be sent.
    package mutating func confirmed(_ isSame: Bool) -> Action {
        guard var streaming = streaming(.confirming) else { return .none }
        guard isSame else { return finish(streaming, streaming.otherContent) }
        streaming.activity = .reading
        streaming.isConfirmed = true
        state = .streaming(streaming)
        return .none
    }

    /// The file or its path has changed; `size` in bytes, where it is known.
    package mutating func changed(_ source: Source, size: UInt64?, now: Duration) -> Action {
        guard case .streaming(var streaming) = state else { return .none }
        guard streaming.activity == .resting else {
            streaming.isLookDue = true
            state = .streaming(streaming)
            return .none
        }
        let delay = pace.delay(at: now)
        let hasChunk = size.map { $0 >= streaming.reader.offset + UInt64(settings.chunkBytesMin) } ?? true
        let isShorter = size.map { $0 < streaming.reader.offset } ?? true
        guard delay > .zero, !source.isRotated, !hasChunk, !isShorter else { return lookIsDue() }
        return rest(streaming, lookAfter: delay, now: now)
    }

    /// It is time to look at the file again.
    package mutating func lookIsDue() -> Action {
        guard var streaming = streaming(.resting) else { return .none }
        streaming.activity = .comparing
        state = .streaming(streaming)
        return .compare(streaming.reader.position.head)
    }

    /// Whether the file still begins with what was sent first.
    package mutating func compared(_ isSame: Bool) -> Action {
        guard var streaming = streaming(.comparing) else { return .none }
        guard isSame else { return finish(streaming, streaming.otherContent) }
        streaming.activity = .reading
        state = .streaming(streaming)
        return .read
    }

    /// How long a rotated file may still grow; zero: it can't. The last read comes after that answer.
    package mutating func observed(_ remaining: Duration, now: Duration) -> Action {
        guard var streaming = streaming(.observing) else { return .none }
        streaming.isComplete = remaining == .zero
        streaming.activity = streaming.isComplete || streaming.isLookDue ? .reading : .resting
        streaming.isLookDue = false
        state = .streaming(streaming)
        return isReading ? .read : rest(streaming, lookAfter: remaining, now: now)
    }

    private mutating func reachedEnd(_ streaming: Streaming, _ source: Source, now: Duration) -> Action {
        var streaming = streaming
        if let limit = limit(source) {
            // A file that has become shorter than it was can't be sent whole any more.
            guard streaming.reader.offset >= limit else { return finish(streaming, streaming.otherContent) }
            return streaming.reader.offset == release?.size ? awaitLast(streaming) : finish(streaming, .ended)
        }
        if streaming.isComplete { return finish(streaming, .ended) }
        if streaming.isLookDue {
            streaming.isLookDue = false
            state = .streaming(streaming)
            return .read
        }
        streaming.activity = source.isRotated ? .observing : .resting
        state = .streaming(streaming)
        return source.isRotated ? .observe : rest(streaming, now: now)
    }

    private mutating func rest(_ streaming: Streaming, lookAfter: Duration? = nil, now: Duration) -> Action {
        let isSettled = isSettled(streaming, now: now)
        if isSettled, isLeaving { return finish(streaming, .ended) }
        return .rest(
            Rest(
                lookAfter: lookAfter, idleAfter: isSettled ? remainingIdle(streaming, now: now) : Self.turn,
                isSettled: isSettled))
    }

    /// How long until a settled stream counts as idle.
    private func remainingIdle(_ streaming: Streaming, now: Duration) -> Duration {
        guard streaming.acknowledged < streaming.reader.offset, let sentAt = streaming.sentAt else {
            return settings.closeIdle
        }
        return max(.zero, sentAt + settings.closeIdle - now)
    }

    private func isSettled(_ streaming: Streaming, now: Duration) -> Bool {
        streaming.acknowledged == streaming.reader.offset || streaming.sentAt.map { now - $0 >= Self.turn } ?? true
    }
}

// MARK: - The end

extension FileTransfer {
    /// The stream was idle for as long as ``Rest/idleAfter`` says. One that waits for the rest of a line stays open for
    /// longer: opened anew it would only send the same bytes again.
    package mutating func idleIsDue(now: Duration) -> Action {
        guard let streaming = streaming(.resting) else { return .none }
        let isIdle =
            streaming.acknowledged == streaming.reader.offset || remainingIdle(streaming, now: now) == .zero
        return isIdle ? finish(streaming, .ended) : rest(streaming, now: now)
    }

    /// Somebody waits for the connection's place: an idle stream gives it up, a busy one after its turn.
    package mutating func giveUp(_ source: Source, now: Duration) -> Action {
        guard case .streaming(let streaming) = state else { return .none }
        let isIdle = streaming.activity == .resting && isSettled(streaming, now: now) && !source.isRotated
        return isIdle || now - streaming.openedAt > Self.turn ? finish(streaming, .ended) : .none
    }

    /// A better server is there: the stream ends once it is idle, now or later.
    package mutating func leave(_ source: Source, now: Duration) -> Action {
        isLeaving = true
        guard case .streaming(let streaming) = state, streaming.activity == .resting, !source.isRotated else {
            return .none
        }
        return rest(streaming, now: now)
    }

    /// What was said of the stream is out of date.
    package mutating func reopen() -> Action {
        switch state {
        case .streaming(let streaming): finish(streaming, .ended)
        case .opening, .verifying: end(.ended)
        case .finishing, .ended: .none
        }
    }

    /// The client stops: the last acknowledgement is awaited.
    package mutating func stop() -> Action {
        switch state {
        case .streaming(let streaming): finish(streaming, .ended)
        case .opening, .verifying: end(.failed(.stopped))
        case .finishing, .ended: .none
        }
    }

    private mutating func finish(_ streaming: Streaming, _ outcome: TransferOutcome) -> Action {
        release = nil
        settle(streaming, outcome)
        return .shut
    }

    /// The server knows the end, and nothing has to be shut.
    private mutating func awaitLast(_ streaming: Streaming) -> Action {
        settle(streaming, .ended)
        return isDone ? end(.ended) : .none
    }

    private mutating func settle(_ streaming: Streaming, _ outcome: TransferOutcome) {
        var streaming = streaming
        // From now on the server owes them in any case.
        streaming.owedSince = nil
        state = .finishing(streaming, outcome)
    }

    private mutating func end(_ outcome: TransferOutcome) -> Action {
        guard !isEnded else { return .none }
        if case .ended = outcome {} else { release = nil }
        state = .ended
        return .end(outcome)
    }

    private mutating func update(_ streaming: Streaming) {
        switch state {
        case .streaming: state = .streaming(streaming)
        case .finishing(_, let outcome): state = .finishing(streaming, outcome)
        case .opening, .verifying, .ended: break
        }
    }
}
