internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterNetwork
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterState
internal import HamsterTLS
internal import HamsterTail
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Carries out what a ``FileTransfer`` decides: reads the file, writes to the connection, keeps the timers.
final class TransferHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Batches in one turn of the event loop; then the other streams have theirs.
    private static let batchesPerTurn = 4
    /// How long a stop waits for the last acknowledgement.
    private static let stopWait: TimeAmount = .seconds(5)

    private let transfer: Transfer
    private let threadPool: NIOThreadPool
    private let end: EventLoopPromise<TransferEnd>
    private var machine: FileTransfer
    private var decoder = LineDecoder()
    private var suspicion: TLSSuspicion
    private let compression: CompressionPool
    private var compressor: StreamCompressor?
    /// Our side is to be shut behind what is compressed now.
    private var isShutDue = false
    private let buffer: ReadBuffer
    /// File work is under way on the pool.
    private var isBusy = false
    /// The client stops: nothing prolongs the wait for the last acknowledgement.
    private var isStopping = false
    private var lookTimer: Scheduled<Void>?
    private var idleTimer: Scheduled<Void>?
    private var silenceTimer: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    private var gate: RateGate?

    /// `end` is completed exactly once, whatever happens. `buffer` is the event loop's. `streamID` is the name of a connection
    /// that has carried another file before.
    init(
        transfer: Transfer, end: EventLoopPromise<TransferEnd>, threadPool: NIOThreadPool,
        compression: CompressionPool, buffer: ReadBuffer, on streamID: String? = nil
    ) {
        self.transfer = transfer
        self.end = end
        self.threadPool = threadPool
        self.compression = compression
        self.buffer = buffer
        suspicion = TLSSuspicion(isPlaintext: transfer.isPlaintext)
        machine = FileTransfer(
            transfer.request, transfer.settings, isInquiry: transfer.isInquiry, on: streamID)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        // Each path is a flow of its own: they share the rate evenly.
        gate = transfer.limiter.gate(host: "\(transfer.request.source.path)", output: "") {
            [loop = context.eventLoop] in
            loop.execute { bound.value.pump() }
        }
        armSilenceTimer(context)
        run(machine.begin())
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        run(machine.disconnected())
        gate = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !machine.isEnded else { return }
        if !isStopping { armSilenceTimer(context) }
        let bytes = unwrapInboundIn(data)
        if let error = suspicion.error(in: bytes) { return run(machine.failed(error)) }
        decoder.append(bytes)
        do throws(ProtocolError) {
            while !machine.isEnded, let line = try decoder.next() {
                run(machine.received(try ServerLine(parsing: line), now: .uptime))
            }
        } catch {
            run(machine.failed(.violated(error)))
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as ChannelEvent where event == .inputClosed:
            run(suspicion.errorAtEnd.map { machine.failed($0) } ?? machine.serverEnded())
        case let command as TransferCommand:
            obey(command)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? TLSError else {
            run(machine.failed(suspicion.errorAtEnd ?? .interrupted(reasonOfNetworkError(error))))
            return
        }
        run(machine.failed(.tls("\(error)", isLasting: error.isLasting)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        run(suspicion.errorAtEnd.map { machine.failed($0) } ?? machine.disconnected())
        context.fireChannelInactive()
    }
}

// MARK: - Actions

extension TransferHandler {
    private func run(_ action: FileTransfer.Action) {
        switch action {
        case .none: break
        case .sendRequest(let request): write(ByteBuffer(bytes: request.line))
        case .verify(let grant): verify(grant)
        case .acknowledged(let position): acknowledged(position)
        case .read: pump()
        case .send, .confirm: preconditionFailure("only what was just read is confirmed and sent")
        case .compare(let head): compare(head)
        case .observe: observe()
        case .rest(let rest): self.rest(rest)
        case .shut: shut()
        case .end(let result): end(result)
        }
    }

    private func verify(_ grant: StreamGrant) {
        if grant.isCompressed, let context {
            compressor = StreamCompressor(compression, on: context.eventLoop)
            guard compressor != nil else {
                run(machine.failed(.interrupted("no memory for compression")))
                return
            }
        }
        let file = transfer.file
        onPool { () throws(FileError) in
            try file.position(at: grant.offset ?? 0, check: grant.check)
        } then: { handler, position in
            handler.verified(position)
        }
    }

    private func verified(_ position: SourcePosition?) {
        let action = machine.verified(position, now: .uptime)
        if let position, let context, machine.isReading {
            transfer.opened()
            transfer.logger.info("stream opened", metadata: ["stream": "\(streamID)", "offset": "\(position.offset)"])
            transfer.acknowledged(transfer.file.resume(at: position, now: FileTime.now.seconds))
            transfer.slot.onWanted { [channel = context.channel] in
                channel.pipeline.fireUserInboundEventTriggered(TransferCommand.giveUp)
            }
        }
        run(action)
    }

    private func acknowledged(_ position: SourcePosition?) {
        if let position {
            transfer.acknowledged(transfer.file.acknowledge(position, now: FileTime.now.seconds))
        }
        run(machine.reconsider(source, now: .uptime))
    }

    private func compare(_ head: SourceHead) {
        stopTimers()
        let (file, isOverwritten) = (transfer.file, transfer.isOverwritten)
        guard head.byteCount > 0 else {
            onPool { () throws(FileError) in
                try !isOverwritten()
            } then: { handler, isSame in
                handler.run(handler.machine.compared(isSame))
            }
            return
        }
        do throws(FileError) {
            let beginning = try file.open().cachedBytes(at: 0, count: head.byteCount)
            if let beginning { return run(machine.compared(head.matches(beginning))) }
        } catch {
            run(machine.failed(.unreadable(error)))
            return
        }
        onPool { () throws(FileError) in
            head.matches(try file.open().bytes(at: 0, count: head.byteCount))
        } then: { handler, isSame in
            handler.run(handler.machine.compared(isSame))
        }
    }

    private func observe() {
        let (file, rotation) = (transfer.file, transfer.rotation)
        onPool { () throws(FileError) in
            try rotation.remaining(of: file, now: .now)
        } then: { handler, remaining in
            handler.run(handler.machine.observed(remaining, now: .uptime))
        }
    }

    private func rest(_ rest: FileTransfer.Rest) {
        guard let context else { return }
        compressor?.rest()
        transfer.slot.setIdle(rest.isSettled)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        idleTimer?.cancel()
        idleTimer = context.eventLoop.scheduleTask(in: TimeAmount(rest.idleAfter)) {
            bound.value.run(bound.value.machine.idleIsDue(now: .uptime))
        }
        guard let lookAfter = rest.lookAfter, lookTimer == nil else { return }
        lookTimer = context.eventLoop.scheduleTask(in: TimeAmount(lookAfter)) {
            bound.value.lookTimer = nil
            bound.value.run(bound.value.machine.lookIsDue())
        }
    }

    /// Shuts our side, behind all that was accepted.
    private func shut() {
        compressor?.rest()
        isShutDue = compressor?.isIdle == false
        if !isShutDue { context?.close(mode: .output, promise: nil) }
    }

    private func end(_ result: TransferOutcome) {
        if let acknowledged = machine.acknowledged {
            transfer.logger.info(
                "stream closed",
                metadata: ["stream": "\(streamID)", "acknowledged": "\(acknowledged)", "reason": "\(result)"])
        }
        stopTimers()
        silenceTimer?.cancel()
        compressor?.cancel()
        let idle = machine.isConnectionFree ? context.flatMap(leave(_:)) : nil
        end.succeed(TransferEnd(outcome: result, connection: idle))
        if idle == nil { context?.close(promise: nil) }
    }

    /// Leaves the connection to whoever needs one next; nil: it can't be used again.
    private func leave(_ context: ChannelHandlerContext) -> IdleConnection? {
        let pipeline = context.pipeline.syncOperations
        guard decoder.isEmpty, context.channel.isActive,
            (try? pipeline.addHandler(IdleHandler(), position: .after(self))) != nil
        else { return nil }
        pipeline.removeHandler(self, promise: nil)
        return IdleConnection(channel: context.channel, streamID: streamID)
    }

    private var streamID: String { machine.streamID ?? "-" }
    private var source: FileTransfer.Source { FileTransfer.Source(transfer.file) }
}

// MARK: - Reading and sending

extension TransferHandler {
    /// Reads and sends as long as the socket takes it and the page cache has it.
    private func pump() {
        guard let context else { return }
        for _ in 0..<Self.batchesPerTurn {
            guard !isBusy else { return }
            guard machine.isReading, context.channel.isWritable else {
                compressor?.rest()
                return
            }
            if transfer.slot.isContended {
                let action = machine.giveUp(source, now: .uptime)
                if case .shut = action { return run(action) }
            }
            guard mayCompress(context) else { return }
            guard gate?.mayRead() ?? true else {
                compressor?.rest()
                return
            }
            guard readAndSend() else { return }
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.pump() }
    }

    /// Whether there is room for another batch, where it is to be compressed. False: somebody will call ``pump()``.
    private func mayCompress(_ context: ChannelHandlerContext) -> Bool {
        guard let compressor else { return true }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        return compressor.mayRead(isLimited: gate?.isLimiting ?? false) { bound.value.pump() }
    }

    /// One batch; false: something else is to be done first.
    private func readAndSend() -> Bool {
        guard let request = machine.nextRead(source) else {
            run(machine.accept(RawSpan(), source, now: .uptime))
            return false
        }
        do throws(FileError) {
            guard try transfer.file.open().readCached(request, into: buffer) else {
                readOnPool(request)
                return false
            }
            return accept(buffer.bytes)
        } catch {
            run(machine.failed(.unreadable(error)))
            return false
        }
    }

    private func readOnPool(_ request: SourceReader.Request) {
        let file = transfer.file
        onPool { () throws(FileError) in
            ByteBuffer(bytes: try file.open().bytes(at: request.offset, count: request.byteCount))
        } then: { handler, bytes in
            if handler.accept(bytes) { handler.pump() }
        }
    }

    private func accept(_ bytes: ByteBuffer) -> Bool {
        let action = machine.accept(bytes.readableBytesSpan, source, now: .uptime)
        switch action {
        case .send(let overlap):
            var batch = bytes
            batch.moveReaderIndex(forwardBy: overlap)
            send(batch)
            return true
        case .confirm(let isBeginning): confirm(bytes, isBeginning: isBeginning)
        default: run(action)
        }
        return false
    }

    /// Once the bytes are read: a copy of what stood there before them was made before the truncation, and is there to see.
    private func confirm(_ read: ByteBuffer, isBeginning: Bool) {
        let mayBegin = transfer.mayBegin
        transfer.begin(isBeginning ? Array(read.readableBytesView.prefix(SourceHead.bytesMax)) : nil)
        // A copy, as large as they are: other streams read into the buffer meanwhile.
        let bytes = ByteBuffer(bytes: read.readableBytesView)
        onPool { () throws(FileError) in
            try mayBegin()
        } then: { handler, isSame in
            handler.run(handler.machine.confirmed(isSame))
            if handler.machine.isReading, handler.accept(bytes) { handler.pump() }
        }
    }

    private func send(_ batch: ByteBuffer) {
        stopTimers()
        transfer.slot.setIdle(false)
        transfer.readBytes.add(UInt64(batch.readableBytes))
        guard let compressor, let context else { return spendAndWrite(batch) }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        if let bytes = compressor.compress(batch, then: { bound.value.compressed($0) }) { spendAndWrite(bytes) }
    }

    private func compressed(_ bytes: ByteBuffer) {
        spendAndWrite(bytes)
        if isShutDue, compressor?.isIdle == true { shut() }
        pump()
    }

    private func spendAndWrite(_ bytes: ByteBuffer) {
        gate?.spend(bytes.readableBytes)
        write(bytes)
    }

    private func write(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
}

extension ReadableFile {
    /// Reads into the buffer, in place of what it holds; false: the page cache does not have it, or not all that there is.
    /// It may hold the first page and not the next: only a look at the size proves an end.
    fileprivate func readCached(_ request: SourceReader.Request, into buffer: ReadBuffer) throws(FileError) -> Bool {
        let read = unsafe try buffer.fill(request.byteCount) { space throws(FileError) in
            unsafe try readCached(into: space, at: request.offset)
        }
        guard let count = read else { return false }
        guard count <= SourceTail.bytesMax, count < request.byteCount else { return true }
        return try status().size <= request.offset + UInt64(count)
    }

    /// The bytes at an offset, fewer where the file ends; nil: the page cache does not have them all.
    fileprivate func cachedBytes(at offset: UInt64, count: Int) throws(FileError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard count > 0 else { return bytes }
        let read = unsafe bytes.withUnsafeMutableBytes { space in
            Result { () throws(FileError) in unsafe try readCached(into: space, at: offset) }
        }
        guard let read = try read.get(), read == count else { return nil }
        return bytes
    }
}

// MARK: - Commands and timers

extension TransferHandler {
    private func obey(_ command: TransferCommand) {
        switch command {
        case .look:
            let size = try? transfer.file.status().size
            run(machine.changed(source, size: size, now: .uptime))
        case .giveUp: run(machine.giveUp(source, now: .uptime))
        case .leave: run(machine.leave(source, now: .uptime))
        case .reopen: run(machine.reopen())
        case .stop:
            run(machine.stop())
            boundStop()
        }
    }

    /// The last acknowledgement is worth waiting for, but not for ever.
    private func boundStop() {
        guard let context, !isStopping, !machine.isEnded else { return }
        isStopping = true
        silenceTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        silenceTimer = context.eventLoop.scheduleTask(in: Self.stopWait) {
            bound.value.run(bound.value.machine.failed(.stopped))
        }
    }

    private func armSilenceTimer(_ context: ChannelHandlerContext) {
        silenceTimer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        silenceTimer = context.eventLoop.scheduleTask(in: TimeAmount(ProtocolLimits.silenceMax)) {
            bound.value.run(bound.value.machine.failed(.silent(ProtocolLimits.silenceMax)))
        }
    }

    private func stopTimers() {
        lookTimer?.cancel()
        lookTimer = nil
        idleTimer?.cancel()
    }

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
                case .failure(let error): handler.run(handler.machine.failed(.unreadable(error)))
                }
            }
        }
    }
}

extension Duration {
    /// The event loops' clock.
    static var uptime: Duration { .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }
}
