internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterStore
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Runs one open stream: bytes to the output, acknowledgements to the client.
final class StreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a stream needs from the server.
    struct Environment {
        var store: Store
        var registry: StreamRegistry
        var connections: ConnectionRegistry
        var threadPool: NIOThreadPool
        var limiter: RateLimiter
        var statistics: ServerStatistics
        var refusals: RefusalLogs
        var idleTimeout: TimeAmount?
        var logger: Logger
        /// The first DNS name of the client's certificate.
        var peer: String?
    }

    /// Bytes that one turn of the event loop may bring to the output: a bomb costs its sender time, not its neighbours.
    private static let batchBytes = 256 * 1024
    private static let batchesPerTurn = 4

    private let environment: Environment
    private let handle: StreamHandle
    private let admitted: StreamAdmission.Admitted
    private let feed: OutputFeed
    private let inflater: Inflater?
    private let size: UInt64?
    /// Nil: the connection ends with this stream.
    private var next: NextStream?
    private let report: StreamReport
    private var hostSeries: RecentSeries.Series?
    private var result = ServerMetrics.StreamResult.interrupted
    private var hasProgressed = false
    private var machine: ServerStream
    /// Bytes that wait for their turn: compressed ones, and those that came unasked. At the sender's end NIO reads all that
    /// the kernel holds.
    private var waiting = ByteBuffer()
    /// The decompressor may have more to give, though it has taken all.
    private var hasMore = false
    private var isWorking = false
    private var isReadWithheld = false
    private var readBytesMax = ConnectionAcceptor.openingReadBytesMax
    private var hasInputEnded = false
    private var hasPeerClosed = false
    private var pendingStop: Reply?
    private var isReleased = false
    /// The newest offset that the client's full socket did not take.
    private var heldAcknowledgement: UInt64?
    private var context: ChannelHandlerContext?
    private var heartbeat: RepeatedTask?
    private var idleDeadline: Scheduled<Void>?
    private var startOffset: UInt64 { admitted.grant.offset ?? 0 }

    /// Nil where there is no memory for decompression. `successor` takes the connection over where another stream is to
    /// follow.
    init?(
        request: StreamRequest, admitted: StreamAdmission.Admitted, handle: StreamHandle, loop: any EventLoop,
        environment: Environment, successor: @escaping () -> OpeningHandler
    ) {
        if admitted.grant.isCompressed {
            guard let inflater = Inflater() else { return nil }
            self.inflater = inflater
        } else {
            inflater = nil
        }
        self.environment = environment
        self.admitted = admitted
        self.handle = handle
        size = request.size
        report = StreamReport(
            streamID: handle.streamID, source: request.source, output: admitted.writer.path,
            outputName: admitted.output, peer: environment.peer, since: FileTime.now.seconds,
            start: admitted.writer.start.offset)
        feed = OutputFeed(writer: admitted.writer, loop: loop, threadPool: environment.threadPool)
        let (grant, offset) = (admitted.grant, admitted.grant.offset ?? 0)
        let end = grant.takesNext ? request.size : nil
        next = end.map { NextStream(after: $0 - offset, successor) }
        machine = ServerStream(isAcknowledged: request.acknowledgement != nil, offset: offset, end: end)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        environment.registry.reports.add(report)
        hostSeries = environment.statistics.metrics.hosts.join(report.source.hostKey)
        report.limited(
            by: feed.limit(by: environment.limiter, host: report.source.hostKey, output: admitted.output))
        feed.onProgress = { [weak self] in self?.progressed() }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        admitted.commits.attach(to: context.eventLoop) { offset in
            let handler = bound.value
            handler.noteCommitted(offset)
            handler.run(handler.machine.committed(offset))
        }
        startTimers(context.eventLoop, bound)
        // Nothing may be left of the file. Not now: the handler before is not gone yet.
        if next?.isDue == true { context.eventLoop.execute { bound.value.endAtSize() } }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        release()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var batch = unwrapInboundIn(data)
        next?.split(&batch)
        guard machine.isReceiving, !hasInputEnded else { return }
        armIdleDeadline(context.eventLoop)
        if inflater == nil, waiting.readableBytes == 0, feed.mayTake() {
            append(batch)
        } else {
            waiting.writeBuffer(&batch)
            work()
        }
        endAtSize()
    }

    /// Back-pressure: what the output does not take is not read from the socket.
    func read(context: ChannelHandlerContext) {
        guard !isWorking, feed.mayTake(), next?.isDue != true else {
            isReadWithheld = true
            return
        }
        adaptReads(context)
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let offset = heldAcknowledgement {
            heldAcknowledgement = nil
            run(.acknowledge(offset))
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            hasPeerClosed = true
            hasInputEnded = true
            settleIfDrained()
        case let command as StopCommand:
            stop(command)
        case let objection as TLSPeerObjection:
            stop(.identityEnded(objection.reason))
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        environment.logger.info("stream interrupted", metadata: ["reason": "\(reasonOfNetworkError(error))"])
        disconnect()
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        disconnect()
        context.fireChannelInactive()
    }
}

extension StreamHandler {
    private func append(_ batch: ByteBuffer) {
        do throws(StoreError) {
            try feed.append(batch)
        } catch {
            fail(error.reply, error)
        }
        admitted.tally.received(batch)
        hostSeries?.add(batch.readableBytes, at: FileTime.now.seconds)
        noteWritten()
    }

    private func noteWritten() {
        report.received(upTo: admitted.writer.position)
        admitted.tally.written(upTo: admitted.writer.position)
    }

    /// Brings what waits to the output, as far as that takes it.
    private func work() {
        guard let context, !isWorking else { return }
        do throws(ProtocolError) {
            for _ in 0..<Self.batchesPerTurn where hasWork && feed.mayTake() {
                let batch = try nextBatch(context.channel.allocator)
                if batch.readableBytes > 0 { append(batch) }
            }
        } catch {
            fail(error.reply, error)
            return
        }
        guard hasWork, machine.isReceiving else { return dropWork() }
        isWorking = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        if feed.mayTake() { context.eventLoop.execute { bound.value.progressed() } }
    }

    private func nextBatch(_ allocator: ByteBufferAllocator) throws(ProtocolError) -> ByteBuffer {
        guard let inflater else {
            let byteCount = min(waiting.readableBytes, feed.batchBytesMax ?? Self.batchBytes)
            return waiting.readSlice(length: byteCount) ?? ByteBuffer()
        }
        let batch = try inflater.inflate(&waiting, bytesMax: Self.batchBytes, allocator: allocator)
        hasMore = batch.readableBytes == Self.batchBytes
        return batch
    }

    private var hasWork: Bool { waiting.readableBytes > 0 || hasMore }

    private func dropWork() {
        waiting = ByteBuffer()
        hasMore = false
    }

    /// Something that held the stream up is over: go on inflating, reading, ending.
    private func progressed() {
        do throws(StoreError) {
            try feed.check()
        } catch {
            fail(error.reply, error)
            return
        }
        noteWritten()
        isWorking = false
        if hasWork { work() }
        settleIfDrained()
        if isReadWithheld, !isWorking, feed.mayTake(), next?.isDue != true, let context {
            isReadWithheld = false
            adaptReads(context)
            context.read()
        }
    }

    /// Reads more at once than in the opening, but less where the rates are low.
    private func adaptReads(_ context: ChannelHandlerContext) {
        let bytesMax = feed.batchBytesMax ?? ConnectionAcceptor.readBytesMax
        guard bytesMax != readBytesMax else { return }
        readBytesMax = bytesMax
        let allocator = ConnectionAcceptor.readBytes(atMost: bytesMax)
        // Fails only for a channel that is closed, and that reads nothing any more.
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: allocator)
    }

    private func noteCommitted(_ offset: UInt64) {
        report.acknowledged(upTo: offset)
        guard !hasProgressed else { return }
        hasProgressed = true
        environment.registry.reports.progressed(report.source)
    }

    private func stop(_ command: StopCommand) {
        if case .outputFailed(let error) = command {
            // The store has told of it once, however many streams there are.
            fail(error.reply, error, isCounted: true)
            return
        }
        if case .identityEnded(let reason) = command {
            environment.logger.notice("stream is ended", metadata: ["reason": "\(reason)"])
        }
        if case .takenOver = command { result = .takenOver }
        pendingStop = command.reply
        // What still waits is not acknowledged, and comes again.
        dropWork()
        hasInputEnded = true
        settleIfDrained()
    }

    /// Where another stream follows, this one ends with its last byte.
    private func endAtSize() {
        guard next?.isDue == true else { return }
        hasInputEnded = true
        settleIfDrained()
    }

    /// Ends the stream once every received byte is with the output.
    private func settleIfDrained() {
        guard hasInputEnded, feed.isDrained, !hasWork, machine.isReceiving else { return }
        do throws(StoreError) {
            try admitted.writer.finish(endsFile: pendingStop == nil && isComplete)
        } catch {
            fail(error.reply, error)
            return
        }
        // An unfinished line that was dropped comes again: it is not waited for.
        let received = admitted.writer.written
        if let pendingStop {
            run(machine.stopped(received: received, reply: pendingStop))
        } else if next?.isDue == true {
            run(machine.fileEnded(received: received))
        } else {
            run(machine.inputEnded(received: received))
        }
    }

    /// Whether the source ends where the stream did: a plain stream's end, or an announced size that was reached.
    private var isComplete: Bool {
        guard machine.isAcknowledged else { return true }
        return size == admitted.writer.position
    }

    private func fail(_ reply: Reply, _ error: any Error, isCounted: Bool = false) {
        if let error = error as? StoreError, !isCounted, result != .failed {
            environment.statistics.metrics.outputErrors[admitted.output, error.reason].add()
        }
        result = .failed
        environment.logger.warning("stream failed", metadata: ["reason": "\(error)"])
        environment.registry.reports.failed(report.source, "\(error)", at: FileTime.now.seconds)
        dropWork()
        run(machine.failed(reply))
    }

    private func disconnect() {
        machine.disconnected()
        release()
    }

    private func run(_ action: ServerStream.Action) {
        guard let context else { return }
        switch action {
        case .none:
            break
        case .acknowledge(let offset):
            // A client that never reads gets one line when it does, not one line a commit in our memory.
            guard context.channel.isWritable else {
                heldAcknowledgement = offset
                return
            }
            write(.acknowledged(offset), to: context)
            context.flush()
        case .commit:
            environment.store.requestCommit()
        case .close(let offset, let reply):
            close(acknowledge: offset, reply, context)
        case .next(let offset):
            // Something else may have ended the connection while the commit was awaited.
            guard let next, next.hasBegun || !hasPeerClosed, pendingStop == nil else {
                return close(acknowledge: offset, pendingStop, context)
            }
            write(.acknowledged(offset), to: context)
            context.flush()
            closed(reason: nil)
            next.begin(context, replacing: self, isReadWithheld: isReadWithheld, hasPeerClosed: hasPeerClosed)
        }
    }

    private func close(acknowledge offset: UInt64?, _ reply: Reply?, _ context: ChannelHandlerContext) {
        if let offset { write(.acknowledged(offset), to: context) }
        if let reply { write(.refused(reply), to: context) }
        closed(reason: reply?.text)
        LingerHandler.close(context, replacing: self, hasPeerClosed: hasPeerClosed)
    }

    /// `reason`: nil where the stream has ended as it should.
    private func closed(reason: String?) {
        if reason == nil { result = .completed }
        environment.logger.info(
            "stream closed",
            metadata: ["bytes": "\(admitted.writer.position - startOffset)", "reason": "\(reason ?? "end")"])
        release()
    }

    private func write(_ line: ServerLine, to context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(ByteBuffer(bytes: line.bytes)), promise: nil)
    }

    /// Lets go of the output and of the stream's place. A batch that is on its way to the output is waited for: the
    /// next stream of this file must find it written or not at all.
    private func release() {
        guard !isReleased else { return }
        heartbeat?.cancel()
        idleDeadline?.cancel()
        guard feed.isDrained else {
            // Strong on purpose: the handler lives until its last batch is written.
            feed.onProgress = { self.release() }
            return
        }
        isReleased = true
        handle.end()
        environment.registry.reports.remove(report)
        feed.onProgress = nil
        report.limited(by: nil)
        feed.leaveLimits()
        admitted.commits.detach()
        admitted.writer.close()
        noteWritten()
        if let hostSeries { environment.statistics.metrics.hosts.leave(hostSeries) }
        environment.statistics.metrics.streamEnded(result, output: admitted.output)
        environment.statistics.streamClosed(bytes: admitted.writer.position - startOffset)
        environment.registry.release(handle)
    }

    private func startTimers(_ loop: any EventLoop, _ bound: NIOLoopBound<StreamHandler>) {
        if machine.isAcknowledged {
            let interval = TimeAmount(ProtocolLimits.heartbeatInterval)
            heartbeat = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                let handler = bound.value
                handler.run(handler.machine.heartbeat())
            }
        }
        armIdleDeadline(loop)
    }

    private func armIdleDeadline(_ loop: any EventLoop) {
        guard let timeout = environment.idleTimeout else { return }
        idleDeadline?.cancel()
        let bound = NIOLoopBound(self, eventLoop: loop)
        idleDeadline = loop.scheduleTask(in: timeout) { bound.value.wentIdle() }
    }

    private func wentIdle() {
        // It isn't the client that is silent where nobody reads what it sends.
        guard !isReadWithheld else {
            if let context { armIdleDeadline(context.eventLoop) }
            return
        }
        // Nothing is wrong: a client of ours comes back with its next byte, so it hears no error.
        environment.logger.info("stream is idle for too long")
        hasInputEnded = true
        settleIfDrained()
    }
}
