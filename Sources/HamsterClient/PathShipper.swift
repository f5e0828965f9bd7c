internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRateLimit
internal import HamsterState
internal import HamsterTail
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Ships the files of one path, one after the other, for as long as the client runs or until they are delivered.
final class PathShipper: Sendable {
    let path: ShippedPath
    private let files: PathFiles
    private let signal = WakeSignal()
    /// Ends the wait after a failure.
    private let retrySignal = WakeSignal()
    private let isStopped = Atomic<Bool>(false)
    /// How often ``reopen()`` was called: a stream that is about to be opened must hear of it, too.
    private let reopenings = Atomic<Int>(0)
    private let activity = PathActivity()
    private let connection = Mutex<(any Channel)?>(nil)
    private let isRetired = Atomic<Bool>(false)

    init(_ followed: FollowedPath, environment: ShippingEnvironment) {
        path = ShippedPath(followed, environment: environment)
        files = PathFiles(path)
    }

    private var environment: ShippingEnvironment { path.environment }
    private var logger: Logger { path.logger }
    private var input: InputConfiguration { path.input }

    /// Whether ``run()`` ends by itself.
    var hasEnd: Bool { input.files.method == .once || input.files.method == .untilRotated }

    /// The path or its file has changed. True: ``run()`` has returned, and the caller has to call it again. From any thread.
    func wake() -> Bool {
        guard let channel = connection.withLock({ $0 }) else { return resume() }
        channel.pipeline.fireUserInboundEventTriggered(TransferCommand.look)
        return false
    }

    /// Nothing will ever follow what is queued: ``run()`` ends once that is delivered. True: as with ``wake()``. From any
    /// thread.
    func retire() -> Bool {
        isRetired.store(true, ordering: .releasing)
        return resume()
    }

    /// Ends the present stream after its last acknowledgement, and opens it anew: what was said of it is out of date. From
    /// any thread.
    func reopen() {
        reopenings.add(1, ordering: .acquiringAndReleasing)
        connection.withLock { $0 }?.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen)
    }

    /// What has made a stream fail may be mended: the next attempt need not wait. From any thread.
    func retry() { retrySignal.raise() }

    /// The path is not to be followed any more: ``run()`` ends after the last acknowledgement. True: as with ``wake()``.
    /// From any thread.
    func stop() -> Bool {
        isStopped.store(true, ordering: .releasing)
        retry()
        reopen()
        return resume()
    }

    private func resume() -> Bool {
        signal.raise()
        return activity.resume()
    }

    /// Whether ``run()`` has returned for good.
    var hasEnded: Bool { activity.hasEnded }

    /// Returns once ``run()`` has for good, or at cancellation. One waiter.
    func waitForEnd() async { await activity.waitForEnd() }

    /// Returns when there is nothing to do until ``wake()``; or for good: at cancellation, after ``stop()`` or ``retire()``,
    /// or for a path that is sent once when its files are delivered. Throws ``ClientError`` where the retry policy gives
    /// up, for good as well.
    func run() async throws(ClientError) {
        var isResting = false
        defer { if !isResting { activity.end() } }
        var attempts = Attempts(policy: environment.configuration.retry)
        while !Task.isCancelled, !isResting, !isStopped.load(ordering: .acquiring) {
            guard let file = path.followed.first else {
                if input.files.method == .once || isRetired.load(ordering: .acquiring) { return }
                isResting = rest()
                continue
            }
            switch await files.next(for: file, &attempts) {
            case .send: try await send(file, &attempts)
            case .delivered:
                await delivered(file)
                if input.files.method == .untilRotated { return }
            case .ask: try await send(file, isInquiry: true, &attempts)
            case .startOver:
                // Without the pause a file that can't be read at present would keep a core busy.
                if await !files.startOver(file, view: nil) { await signal.wait(atMost: PathFiles.descriptorWait) }
            case .wait(nil): isResting = rest()
            case .wait(let duration?):
                path.note(.waiting)
                await signal.wait(atMost: duration)
            }
        }
    }

    private func rest() -> Bool {
        path.note(.waiting)
        return activity.rest()
    }
}

// MARK: - The files

extension PathShipper {
    /// Every byte is acknowledged, and no more can come under this path.
    private func delivered(_ file: TailedFile) async {
        if input.files.deletesDelivered, await !files.remove(file) {
            // It has grown: a limit that was fixed when it seemed to be closed holds no more.
            if input.files.method == .close { file.limit(to: nil) }
            await signal.wait(atMost: .seconds(1))
            return
        }
        if file.rotatedAt != nil || input.files.method == .close {
            logger.info("file delivered", metadata: ["bytes": "\(file.acknowledged)"])
        }
        environment.progress.delivered(file, hasLeft: path.followed.settle(file))
    }

    private func startOver(
        _ file: TailedFile, view: FileCatalogue.ServerView?, _ attempts: inout Attempts
    ) async throws(ClientError) {
        // What was sent and not acknowledged only the server can tell: the next stream asks.
        if view != nil || !file.isKnownToServerAlone { _ = await files.startOver(file, view: view) }
        // A file that is rewritten again and again must not be sent as fast as it can be.
        try? await Task.sleep(for: try attempts.failed(.interrupted("the file changed"), now: .now))
    }

    private func settleUnknown(_ file: TailedFile) async {
        guard await !files.settleUnknown(file) else { return }
        await signal.wait(atMost: environment.configuration.retry.delayMax)
    }
}

// MARK: - Sending

extension PathShipper {
    /// `isInquiry`: nothing is sent unless the server knows the file.
    private func send(
        _ file: TailedFile, isInquiry: Bool = false, _ attempts: inout Attempts
    ) async throws(ClientError) {
        path.note(.queued)
        guard let slot = await environment.slots.acquire() else { return }
        defer { slot.release() }
        attempts.begin()
        file.beginUse()
        defer { file.endUse() }
        let reopening = reopenings.load(ordering: .acquiring)
        // From here on a stop is noticed by the number above; one that came while we waited is seen here.
        guard !isStopped.load(ordering: .acquiring) else { return }
        guard var transfer = await transfer(of: file, slot) else { return }
        transfer.isInquiry = isInquiry || file.record.isUnasked
        path.note(.connecting)
        let before = file.acknowledged
        let outcome = await environment.connector.run(transfer) { channel in
            connection.withLock { $0 = channel }
            if reopenings.load(ordering: .acquiring) != reopening { reopen() }
            // What happened between the last look and now must not be missed.
            channel.pipeline.fireUserInboundEventTriggered(TransferCommand.look)
        }
        connection.withLock { $0 = nil }
        if file.acknowledged > before { attempts.succeeded() }
        try await settle(outcome, file, slot, &attempts)
    }

    private func settle(
        _ outcome: TransferOutcome, _ file: TailedFile, _ slot: ConnectionSlots.Slot, _ attempts: inout Attempts
    ) async throws(ClientError) {
        switch outcome {
        case .ended:
            file.setMustAnnounce(false)
            attempts.succeeded()
        case .unknown where file.record.isUnasked:
            attempts.succeeded()
            await settleUnknown(file)
        case .unknown: try await startOver(file, view: .nothing, &attempts)
        case .otherContent(let view): try await startOver(file, view: view, &attempts)
        case .refused(let reply) where reply.code == .unavailable && reply.retrySeconds == 0:
            logger.info("stream is opened again", metadata: ["reason": "\(reply)"])
            // Short, unless it happens again without any progress.
            let delay = try attempts.failed(.refused(reply), now: .now)
            slot.release()
            try? await Task.sleep(for: delay)
        case .refused(let reply):
            // Without a time to come back, 409 means that another client ships this very file.
            let isTakenOver = reply.code == .busy && reply.retrySeconds == nil
            let least = isTakenOver ? environment.configuration.retry.delayTakenOver : .seconds(reply.retrySeconds ?? 0)
            try await wait(for: .refused(reply), atLeast: least, slot, &attempts)
        case .failed(.unreadable(let error)) where error.isOutOfDescriptors:
            // It is no failure of this file's, and ends as soon as others are delivered.
            files.report(error)
            slot.release()
            await retrySignal.wait(atMost: PathFiles.descriptorWait)
        case .failed(let error):
            try await wait(for: error, atLeast: .zero, slot, &attempts)
        }
    }

    private func wait(
        for error: ClientError, atLeast: Duration, _ slot: ConnectionSlots.Slot, _ attempts: inout Attempts
    ) async throws(ClientError) {
        guard !Task.isCancelled else { return }
        path.note(error.isLasting ? .refused : .retrying, error: "\(error)")
        if attempts.isNews(error) {
            logger.log(
                level: level(of: error), "file not shipped for now", metadata: ["reason": "\(error)"])
        }
        let delay = try attempts.failed(error, now: .now)
        // Nobody shall wait for a place that only waits itself.
        slot.release()
        await retrySignal.wait(atMost: max(delay, atLeast))
    }

    /// What concerns the target and not this file is reported once, by the connector.
    private func level(of error: ClientError) -> Logger.Level {
        switch error {
        case .unreachable, .tls: .debug
        case .interrupted, .silent, .violated, .refused, .unreadable, .stopped: error.isLasting ? .error : .warning
        }
    }

    private func transfer(of file: TailedFile, _ slot: ConnectionSlots.Slot) async -> Transfer? {
        let record = file.record
        guard let token = record.token else { return nil }
        let size = await files.completeSize(of: file)
        // Compressed bytes don't tell where the file ends.
        let mayShare = size != nil && !environment.configuration.offersCompression
        let acknowledged = OffsetCounter(environment.metrics.acknowledgedBytes[path.label])
        acknowledged.begin(at: record.position.offset)
        var request = StreamRequest(
            source: StreamSource(host: environment.configuration.hostName, path: record.path),
            service: input.service(of: record.path),
            acknowledgement: StreamRequest.Acknowledgement(file: token, offset: record.position.offset),
            offersCompression: environment.configuration.offersCompression, size: size, metadata: input.metadata)
        request.asksForNext = mayShare
        return Transfer(
            file: file, request: request,
            settings: FileTransfer.Settings(
                chunkBytesMin: input.chunkBytesMin, flushInterval: input.flushInterval, closeIdle: input.closeIdle),
            rotation: path.followed.rotation, slot: slot, limiter: environment.limiter, logger: logger,
            readBytes: environment.metrics.readBytes[path.label],
            begin: { [files] in files.begin(file, with: $0) },
            mayBegin: { [files] () throws(FileError) in try files.mayBegin(file) },
            isOverwritten: { [path] () throws(FileError) in
                try path.environment.catalogue.isOverwritten(file, of: path.followed)
            },
            opened: { [path] in path.note(.streaming) },
            acknowledged: { [environment] record in
                acknowledged.advance(to: record.position.offset)
                environment.state.update(record)
                environment.progress.acknowledged(file, record.position.offset)
            })
    }
}
