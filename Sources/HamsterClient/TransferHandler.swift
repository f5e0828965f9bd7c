internal import HamsterCore
internal import HamsterFiles
internal import HamsterProtocol
internal import HamsterState
internal import HamsterTLS
internal import HamsterTail
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Sends one file over one connection: opens the stream, reads and sends while the socket takes it, hears
/// acknowledgements, and ends when the file is delivered, idle for long, or the client stops.
final class TransferHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Batches in one turn of the event loop; then the other streams have theirs.
    private static let batchesPerTurn = 4
    /// How long a busy stream keeps its place while others wait for one.
    private static let turn: TimeAmount = .seconds(10)

    /// After a longer pause what was sent is compared with the file before the next read.
    private static let trustedPause: TimeAmount = .seconds(1)
    /// How long a stop waits for the last acknowledgement.
    private static let stopWait: TimeAmount = .seconds(5)

    enum Phase {
        case opening
        case streaming
        /// Our side is shut; the last acknowledgements are awaited.
        case finishing
        case ended
    }

    let transfer: Transfer
    let threadPool: NIOThreadPool
    private let outcome: EventLoopPromise<TransferOutcome>
    private var machine: ClientStream
    private var decoder = LineDecoder()
    private var deflater: Deflater?
    private(set) var phase = Phase.opening
    private var reader: BatchReader
    private var acknowledged: UInt64 = 0
    /// What a finish in good order means.
    private var outcomeOfFinish = TransferOutcome.ended
    /// File work is under way on the pool.
    private var isBusy = false
    /// The file changed while it was busy, maybe after the pool's last look at it.
    private var isLookDue = false
    private var isAtEnd = false
    /// The client stops: nothing prolongs the wait for the last acknowledgement.
    private var isStopping = false
    private var isComplete = false
    private var openedAt = NIODeadline.now()
    private var sentAt = NIODeadline.uptimeNanoseconds(0)
    private var lookTimer: Scheduled<Void>?
    private var idleTimer: Scheduled<Void>?
    private var silenceTimer: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    /// `outcome` is completed exactly once, whatever happens.
    init(transfer: Transfer, outcome: EventLoopPromise<TransferOutcome>, threadPool: NIOThreadPool) {
        self.transfer = transfer
        self.outcome = outcome
        self.threadPool = threadPool
        machine = ClientStream(transfer.request)
        reader = BatchReader(transfer.file)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        armSilenceTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.failed(.interrupted("the connection was closed")))
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .ended else { return }
        if !isStopping { armSilenceTimer(context) }
        decoder.append(unwrapInboundIn(data))
        do throws(ProtocolError) {
            while phase != .ended, let line = try decoder.next() {
                run(machine.received(try ServerLine(parsing: line)))
            }
        } catch {
            end(.failed(.violated(error)))
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { wentWritable() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            end(serverEnded)
        case let command as TransferCommand:
            obey(command)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? TLSError else {
            end(.failed(.interrupted("\(error)")))
            return
        }
        end(.failed(.tls("\(error)", isLasting: error.isLasting)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        // On plain TCP the peer's end is not an event of its own once our side is shut: NIO closes the channel. A reset
        // comes as an error first.
        end(phase == .finishing ? outcomeOfFinish : .failed(.interrupted("the connection was closed")))
        context.fireChannelInactive()
    }
}

// MARK: - Opening

extension TransferHandler {
    private func run(_ action: ClientStream.Action) {
        switch action {
        case .none: break
        case .sendRequest(let request): send(ByteBuffer(bytes: request.line))
        case .start(let grant): start(grant)
        case .acknowledged(let offset): received(acknowledgement: offset)
        case .refused(let reply): end(.refused(reply))
        case .fail(let error): end(.failed(.violated(error)))
        }
    }

    /// Holds the server's word against the file before the first byte goes out.
    private func start(_ grant: StreamGrant) {
        if grant.isCompressed { deflater = Deflater() }
        guard !grant.isCompressed || deflater != nil else {
            end(.failed(.interrupted("no memory for compression")))
            return
        }
        let start = grant.offset ?? 0
        let file = transfer.file
        let known = file.record
        onPool { () throws(FileError) -> SourceTail? in
            guard try file.continuity(at: start, check: grant.check) == .same else { return nil }
            // Without a check of the server's, our own record of these bytes is what there is.
            if grant.check == nil, known.offset == start,
                try file.continuity(at: start, tail: known.tail) == .replaced
            {
                return nil
            }
            return try file.tail(before: start)
        } then: { handler, tail in
            handler.opened(at: start, tail: tail)
        }
    }

    private func opened(at start: UInt64, tail: SourceTail?) {
        guard phase == .opening else { return }
        guard let tail else {
            end(.otherContent)
            return
        }
        phase = .streaming
        reader.start(at: start, tail: tail)
        transfer.opened()
        transfer.logger.info("stream opened", metadata: ["stream": "\(streamID)", "offset": "\(start)"])
        acknowledged = start
        openedAt = .now()
        transfer.acknowledged(transfer.file.resume(at: start, tail: tail, now: FileTime.now.seconds))
        if let context {
            transfer.slot.onWanted { [channel = context.channel] in
                channel.pipeline.fireUserInboundEventTriggered(TransferCommand.giveUp)
            }
        }
        pump()
    }

    private func received(acknowledgement offset: UInt64) {
        guard offset <= reader.offset else {
            end(.failed(.violated(ProtocolError(.unexpected, "ACK \(offset) is beyond what was sent"))))
            return
        }
        guard offset > acknowledged else { return }
        do throws(FileError) {
            let tail = try reader.tail(before: offset)
            acknowledged = offset
            transfer.acknowledged(transfer.file.acknowledge(offset, tail: tail, now: FileTime.now.seconds))
        } catch {
            end(.failed(.unreadable("\(error)")))
            return
        }
        if isAtEnd { reachedEnd() }
    }
}

// MARK: - Sending

extension TransferHandler {
    /// After a long wait for the socket the file may be another.
    private func wentWritable() {
        guard NIODeadline.now() - sentAt > Self.trustedPause, !isAtEnd else { return pump() }
        resumeReading()
    }

    /// Reads and sends as long as the socket takes it and the page cache has it.
    private func pump() {
        guard phase == .streaming, !isBusy, let context else { return }
        guard !isTurnOver else { return finish() }
        for _ in 0..<Self.batchesPerTurn {
            guard phase == .streaming, context.channel.isWritable else { return }
            do throws(FileError) {
                switch try reader.next() {
                case .batch(let batch): sendBatch(batch)
                case .end: return reachedEnd()
                case .uncached: return readOnPool()
                }
            } catch {
                end(.failed(.unreadable("\(error)")))
                return
            }
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.pump() }
    }

    /// A stream that is never idle must not keep others waiting for ever.
    private var isTurnOver: Bool { NIODeadline.now() - openedAt > Self.turn && transfer.slot.isContended }

    private func readOnPool() {
        let (file, offset, count) = (transfer.file.file, reader.offset, reader.wantedBytes)
        onPool { () throws(FileError) -> ByteBuffer in
            ByteBuffer(bytes: try file.bytes(at: offset, count: count))
        } then: { handler, batch in
            guard handler.phase == .streaming else { return }
            guard batch.readableBytes > 0 else { return handler.reachedEnd() }
            handler.reader.advance(over: batch)
            handler.sendBatch(batch)
            handler.pump()
        }
    }

    private func sendBatch(_ batch: ByteBuffer) {
        isAtEnd = false
        isComplete = false
        lookTimer?.cancel()
        lookTimer = nil
        idleTimer?.cancel()
        transfer.slot.setIdle(false)
        sentAt = .now()
        guard let deflater else {
            send(batch)
            return
        }
        var compressed = ByteBuffer()
        deflater.deflate(batch, into: &compressed)
        send(compressed)
    }

    private func send(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
}

// MARK: - The end of the file, for now or for good

extension TransferHandler {
    private func reachedEnd() {
        isAtEnd = true
        guard phase == .streaming, !isBusy else { return }
        if let limit = transfer.file.sizeLimit {
            // A file that has become shorter than it was can't be sent whole any more.
            finish(reader.offset >= limit ? .ended : .otherContent)
        } else if isComplete {
            finish()
        } else if let rotatedAt = transfer.file.rotatedAt {
            awaitCompletion(rotatedAt: rotatedAt)
        } else {
            becomeIdle()
        }
    }

    /// Asks whether a rotated file may still grow. The last read must come after the answer.
    private func awaitCompletion(rotatedAt: FileTime) {
        let (file, rule) = (transfer.file.file, transfer.rotation)
        onPool { () throws(FileError) -> Duration in
            rule.remaining(
                RotationRule.Observation(
                    rotatedAt: rotatedAt, modified: try file.status().modified, hasWriter: try file.hasWriter()),
                now: .now)
        } then: { handler, remaining in
            handler.isComplete = remaining == .zero
            if handler.isComplete {
                handler.pump()
            } else {
                handler.look(after: TimeAmount(remaining))
            }
        }
    }

    /// Nothing is to be done until the file grows. The last bytes may stay unacknowledged: an unfinished line of an
    /// output of lines is. The place is given up all the same, after a while.
    private func becomeIdle() {
        guard let context else { return }
        let isSettled = isSettled
        transfer.slot.setIdle(isSettled)
        idleTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        idleTimer = context.eventLoop.scheduleTask(in: isSettled ? transfer.closeIdle : Self.turn) {
            isSettled ? bound.value.finish() : bound.value.becomeIdle()
        }
    }

    private var isSettled: Bool { acknowledged == reader.offset || NIODeadline.now() - sentAt >= Self.turn }

    /// Shuts our side; the server acknowledges the rest and closes.
    private func finish(_ outcome: TransferOutcome = .ended) {
        guard phase == .streaming, let context else { return }
        phase = .finishing
        outcomeOfFinish = outcome
        context.close(mode: .output, promise: nil)
    }

    private func obey(_ command: TransferCommand) {
        switch (command, phase) {
        case (.look, .streaming): fileChanged()
        case (.giveUp, .streaming):
            if isAtEnd, isSettled, transfer.file.rotatedAt == nil { finish() }
        case (.stop, .streaming):
            finish()
            boundStop()
        case (.stop, .finishing): boundStop()
        case (.stop, .opening): end(.failed(.stopped))
        case (.look, .opening), (.look, .finishing), (.look, .ended), (.giveUp, .opening), (.giveUp, .finishing),
            (.giveUp, .ended), (.stop, .ended):
            break
        }
    }

    /// The last acknowledgement is worth waiting for, but not for ever.
    private func boundStop() {
        guard let context, !isStopping else { return }
        isStopping = true
        silenceTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        silenceTimer = context.eventLoop.scheduleTask(in: Self.stopWait) { bound.value.end(.failed(.stopped)) }
    }

    /// The file has grown or was rotated: send at once after a quiet time, else gather a batch first.
    private func fileChanged() {
        guard !isBusy else {
            isLookDue = true
            return
        }
        guard isAtEnd else { return }
        let quiet = NIODeadline.now() - sentAt
        guard quiet < transfer.flushInterval, transfer.file.rotatedAt == nil, !hasChunk else {
            resumeReading()
            return
        }
        if lookTimer == nil { look(after: transfer.flushInterval - quiet) }
    }

    private var hasChunk: Bool {
        guard let status = try? transfer.file.file.status() else { return true }
        return status.size >= reader.offset + UInt64(transfer.chunkBytesMin)
    }

    private func look(after delay: TimeAmount) {
        guard let context, phase == .streaming else { return }
        lookTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        lookTimer = context.eventLoop.scheduleTask(in: delay) {
            bound.value.lookTimer = nil
            bound.value.resumeReading()
        }
    }

    /// After a pause the file may have been truncated or rewritten: what was sent must still stand in it.
    private func resumeReading() {
        guard phase == .streaming, !isBusy else { return }
        do throws(FileError) {
            if let continuity = try reader.continuityCached() { return resume(continuity) }
        } catch {
            end(.failed(.unreadable("\(error)")))
            return
        }
        let (file, offset, tail) = (transfer.file, reader.offset, reader.tail)
        onPool { () throws(FileError) -> TailedFile.Continuity in
            try file.continuity(at: offset, tail: tail)
        } then: { handler, continuity in
            handler.resume(continuity)
        }
    }

    private func resume(_ continuity: TailedFile.Continuity) {
        switch continuity {
        case .same: pump()
        case .replaced: finish(.otherContent)
        }
    }
}

// MARK: - Plumbing

extension TransferHandler {
    /// Does file work away from the event loop. One at a time: until it is done nothing else reads the file.
    private func onPool<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value,
        then handle: @escaping @Sendable (TransferHandler, Value) -> Void
    ) {
        guard let context else { return }
        isBusy = true
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        threadPool.submit { _ in
            let result = Result { () throws(FileError) in try work() }
            loop.execute {
                let handler = bound.value
                handler.isBusy = false
                switch result {
                case .success(let value): handle(handler, value)
                case .failure(let error): handler.end(.failed(.unreadable("\(error)")))
                }
                handler.catchUp()
            }
        }
    }

    private func catchUp() {
        guard isLookDue, !isBusy, phase == .streaming else { return }
        isLookDue = false
        fileChanged()
    }

    /// What an orderly end by the server means: it may close a stream that is idle for too long.
    private var serverEnded: TransferOutcome {
        switch phase {
        case .finishing: outcomeOfFinish
        case .streaming where isAtEnd && acknowledged == reader.offset: .ended
        case .opening, .streaming, .ended: .failed(.interrupted("the server closed the connection"))
        }
    }

    private func armSilenceTimer(_ context: ChannelHandlerContext) {
        silenceTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        silenceTimer = context.eventLoop.scheduleTask(in: TimeAmount(ProtocolLimits.silenceMax)) {
            bound.value.end(.failed(.silent(ProtocolLimits.silenceMax)))
        }
    }

    private var streamID: String { machine.streamID ?? "-" }

    private func end(_ result: TransferOutcome) {
        guard phase != .ended else { return }
        if phase != .opening {
            transfer.logger.info(
                "stream closed",
                metadata: ["stream": "\(streamID)", "acknowledged": "\(acknowledged)", "reason": "\(result)"])
        }
        phase = .ended
        for timer in [lookTimer, idleTimer, silenceTimer] { timer?.cancel() }
        outcome.succeed(result)
        context?.close(promise: nil)
    }
}
