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
    /// What the files of all paths share.
    struct Environment: Sendable {
        var live: LiveConfiguration
        var state: StateStore
        var catalogue: SharedCatalogue
        var slots: ConnectionSlots
        var connector: Connector
        var limiter: RateLimiter
        var progress: ShippingProgress
        var metrics: ClientMetrics
        var threadPool: NIOThreadPool
        var logger: Logger
        var phase: ShippingPhase
        var descriptorShortage = ShortageReport()

        var configuration: ClientConfiguration { live.current }
        var rescan: RescanRequest { phase.rescan }
    }

    /// Descriptors come back as soon as other files are delivered.
    private static let descriptorWaitMax: Duration = .seconds(10)

    let followed: FollowedPath
    let environment: Environment
    let logger: Logger
    private let currentInput: Mutex<InputConfiguration>
    private let signal = WakeSignal()
    /// Ends the wait after a failure.
    private let retrySignal = WakeSignal()
    private let isStopped = Atomic<Bool>(false)
    /// How often ``reopen()`` was called: a stream that is about to be opened must hear of it, too.
    private let reopenings = Atomic<Int>(0)
    private let ended = WakeSignal()
    private let isEnded = Atomic<Bool>(false)
    private let connection = Mutex<(any Channel)?>(nil)
    private let isRetired = Atomic<Bool>(false)
    private let currentCondition = Mutex(ShippingCondition())

    init(_ followed: FollowedPath, environment: Environment) {
        self.followed = followed
        currentInput = Mutex(environment.configuration.inputs[followed.input])
        self.environment = environment
        var logger = environment.logger
        logger[metadataKey: "path"] = "\(printable(followed.path.bytes, charactersMax: 300))"
        self.logger = logger
    }

    var input: InputConfiguration { currentInput.withLock { $0 } }

    /// The input, as metrics name it.
    var label: String { input.label(at: followed.input) }

    private var descriptorWait: Duration { Self.descriptorWaitMax * Double.random(in: 0.5...1) }

    /// Whether ``run()`` ends by itself.
    var hasEnd: Bool { input.files.method == .once || input.files.method == .untilRotated }

    /// What happens to the path's first file at present.
    var condition: ShippingCondition { currentCondition.withLock { $0 } }

    /// The path or its file has changed. From any thread.
    func wake() {
        guard let channel = connection.withLock({ $0 }) else {
            signal.raise()
            return
        }
        channel.pipeline.fireUserInboundEventTriggered(TransferCommand.look)
    }

    /// Nothing will ever follow what is queued: ``run()`` returns once that is delivered. From any thread.
    func retire() {
        isRetired.store(true, ordering: .releasing)
        signal.raise()
    }

    /// The path's input has changed; the next stream goes by that. From any thread.
    func update(_ input: InputConfiguration) { currentInput.withLock { $0 = input } }

    /// Ends the present stream after its last acknowledgement, and opens it anew: what was said of it is out of date. From
    /// any thread.
    func reopen() {
        reopenings.add(1, ordering: .acquiringAndReleasing)
        connection.withLock { $0 }?.pipeline.fireUserInboundEventTriggered(TransferCommand.reopen)
    }

    /// What has made a stream fail may be mended: the next attempt need not wait. From any thread.
    func retry() { retrySignal.raise() }

    /// The path is not to be followed any more: ``run()`` returns after the last acknowledgement. From any thread.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        signal.raise()
        retry()
        reopen()
    }

    /// Whether ``run()`` has returned.
    var hasEnded: Bool { isEnded.load(ordering: .acquiring) }

    /// Returns once ``run()`` has, or at cancellation. One waiter.
    func waitForEnd() async { await ended.wait() }

    /// Returns at cancellation, after ``stop()`` or ``retire()``, or for a path that is sent once when its files are delivered.
    /// Throws ``ClientError`` where the retry policy gives up.
    func run() async throws(ClientError) {
        defer {
            isEnded.store(true, ordering: .releasing)
            ended.raise()
        }
        var attempts = Attempts(policy: environment.configuration.retry)
        while !Task.isCancelled, !isStopped.load(ordering: .acquiring) {
            guard let file = followed.first else {
                if input.files.method == .once || isRetired.load(ordering: .acquiring) { return }
                note(.waiting)
                await signal.wait()
                continue
            }
            switch await next(for: file, &attempts) {
            case .send: try await send(file, &attempts)
            case .delivered:
                await delivered(file)
                if input.files.method == .untilRotated { return }
            case .ask: try await send(file, isInquiry: true, &attempts)
            case .startOver:
                // Without the pause a file that can't be read at present would keep a core busy.
                if await !startOver(file, view: nil) { await signal.wait(atMost: descriptorWait) }
            case .wait(let duration):
                note(.waiting)
                if let duration { await signal.wait(atMost: duration) } else { await signal.wait() }
            }
        }
    }

    private func note(_ phase: ShippingCondition.Phase, error: String? = nil) {
        currentCondition.withLock { condition in
            condition.phase = phase
            guard let error else { return }
            condition.lastError = error
            condition.lastErrorAt = FileTime.now.seconds
        }
    }

    /// Blocking file work; nil where the client has stopped meanwhile.
    private func onPool<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        // Thrown only by a pool that was shut down, and that ends with the client.
        try? await environment.threadPool.runIfActive { work() }
    }
}

// MARK: - The files

extension PathShipper {
    private func next(for file: TailedFile, _ attempts: inout Attempts) async -> FollowedPath.Step {
        let result = await onPool { [followed, self] in
            Result { () throws(FileError) in
                let step = try followed.next(for: file, now: .now, lost: { self.report(lost: $0, of: file) })
                // An empty file gets no connection, and with it no look at what was in it before.
                guard step.isWithoutStream, try environment.catalogue.isOverwritten(file, of: followed) else {
                    return step
                }
                return .ask
            }
        }
        switch result {
        case .success(let step): return step
        case .failure(let error) where error.isStale || error.isMissing: return await moved(file, &attempts)
        case .failure(let error): return unreadable(file, error, &attempts)
        case nil: return .wait(nil)
        }
    }

    private func unreadable(_ file: TailedFile, _ error: FileError, _ attempts: inout Attempts) -> FollowedPath.Step {
        if error.isOutOfDescriptors {
            note(.waiting, error: "\(error)")
            if environment.descriptorShortage.isDue() {
                logger.error("files wait until others are closed", metadata: ["reason": "\(error)"])
            }
            return .wait(descriptorWait)
        }
        let failure = ClientError.unreadable("\(error)")
        note(.waiting, error: "\(error)")
        if attempts.isNews(failure) { logger.error("cannot read the file", metadata: ["reason": "\(error)"]) }
        return .wait(environment.configuration.retry.delayMax)
    }

    /// A file that was closed to save descriptors is not behind its last name any more: renamed, or removed for good.
    private func moved(_ file: TailedFile, _ attempts: inout Attempts) async -> FollowedPath.Step {
        // The watcher has not seen that yet; it looks for the file then.
        guard file.rotatedAt != nil else { return .wait(.seconds(1)) }
        let result = await onPool { [environment, followed] in
            Result { () throws(FileError) in try environment.catalogue.locate(file, of: followed) }
        }
        switch result {
        case .success(true): return .wait(.zero)
        case .success(false): break
        case .failure(let error): return unreadable(file, error, &attempts)
        case nil: return .wait(nil)
        }
        let record = file.record
        if record.sizeSeen > record.position.offset { report(lost: record.sizeSeen - record.position.offset, of: file) }
        followed.removeDelivered(file)
        return .wait(.zero)
    }

    /// Every byte is acknowledged, and no more can come under this path.
    private func delivered(_ file: TailedFile) async {
        environment.progress.delivered(file.identity)
        if file.rotatedAt != nil || input.files.method == .close {
            logger.info("file delivered", metadata: ["bytes": "\(file.acknowledged)"])
        }
        if input.files.deletesDelivered, await !remove(file) {
            // It has grown: a limit that was fixed when it seemed to be closed holds no more.
            if input.files.method == .close { file.limit(to: nil) }
            await signal.wait(atMost: .seconds(1))
            return
        }
        _ = followed.settle(file)
    }

    /// False: the file has changed, and is looked at again.
    private func remove(_ file: TailedFile) async -> Bool {
        let result = await onPool { [environment] in
            Result { () throws(FileError) in try environment.catalogue.remove(file) }
        }
        switch result {
        case .success(let isRemoved):
            if isRemoved { logger.info("file removed", metadata: ["location": "\(file.location)"]) }
            return isRemoved
        case .failure(let error):
            note(.waiting, error: "\(error)")
            logger.error("cannot remove the delivered file", metadata: ["reason": "\(error)"])
            return true
        case nil: return false
        }
    }

    private func startOver(
        _ file: TailedFile, view: FileCatalogue.ServerView?, _ attempts: inout Attempts
    ) async throws(ClientError) {
        // What was sent and not acknowledged only the server can tell: the next stream asks.
        if view != nil || !file.isKnownToServerAlone { await startOver(file, view: view) }
        // A file that is rewritten again and again must not be sent as fast as it can be.
        try? await Task.sleep(for: try attempts.failed(.interrupted("the file changed"), now: .now))
    }

    /// False: it could not be done.
    @discardableResult
    private func startOver(_ file: TailedFile, view: FileCatalogue.ServerView?) async -> Bool {
        let result = await onPool { [environment, followed] in
            Result { () throws(FileError) in
                try environment.catalogue.startOver(file, of: followed, view: view)
            }
        }
        switch result {
        case .success(let lost):
            logger.notice(
                "file holds new content, sending from its start",
                metadata: ["generation": "\(file.record.generation)"])
            environment.metrics.rotations[label, "truncate"].add()
            if lost > 0 { report(lost: lost, of: file) }
            return true
        case .failure(let error):
            note(.waiting, error: "\(error)")
            if !error.isOutOfDescriptors || environment.descriptorShortage.isDue() {
                logger.error("cannot read the file", metadata: ["reason": "\(error)"])
            }
            return false
        case nil: return false
        }
    }

    private func settleUnknown(_ file: TailedFile) async {
        let result = await onPool { [environment, followed] in
            Result { () throws(FileError) in try environment.catalogue.settleUnknown(file, of: followed) }
        }
        switch result {
        case .success(let isFileOfItsOwn):
            if isFileOfItsOwn { environment.rescan.request() }
        case .failure(let error):
            note(.waiting, error: "\(error)")
            logger.error("cannot read the file", metadata: ["reason": "\(error)"])
            await signal.wait(atMost: environment.configuration.retry.delayMax)
        case nil: break
        }
    }

    func report(lost byteCount: UInt64, of file: TailedFile) {
        environment.progress.lost(byteCount)
        environment.metrics.lostBytes[label].add(byteCount)
        logger.warning(
            "bytes were removed before they could be sent",
            metadata: ["lost_bytes": "\(byteCount)", "acknowledged": "\(file.acknowledged)"])
    }
}

// MARK: - Sending

extension PathShipper {
    /// `isInquiry`: nothing is sent unless the server knows the file.
    private func send(
        _ file: TailedFile, isInquiry: Bool = false, _ attempts: inout Attempts
    ) async throws(ClientError) {
        note(.queued)
        guard let slot = await environment.slots.acquire() else { return }
        defer { slot.release() }
        attempts.begin()
        file.beginUse()
        defer { file.endUse() }
        await saveBeforeFirstUse(file)
        let reopening = reopenings.load(ordering: .acquiring)
        guard var transfer = await transfer(of: file, slot) else { return }
        transfer.isInquiry = isInquiry || file.record.isUnasked
        note(.connecting)
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

    /// A file, or a new generation of it, is on disk before the server hears of it: a client that forgot it in a crash could
    /// not ask for what the server has of it once it is gone, and would take its copy for a file that was never sent.
    private func saveBeforeFirstUse(_ file: TailedFile) async {
        let record = file.record
        guard record.position.offset == 0, record.identity == file.identity else { return }
        environment.state.update(record)
        guard !environment.state.isWritten(record) else { return }
        let saved = await onPool { [environment] in
            Result { () throws(StateError) in try environment.state.save() }
        }
        if case .failure(let error) = saved { logger.error("state not saved", metadata: ["reason": "\(error)"]) }
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
        case .failed(let error):
            try await wait(for: error, atLeast: .zero, slot, &attempts)
        }
    }

    private func wait(
        for error: ClientError, atLeast: Duration, _ slot: ConnectionSlots.Slot, _ attempts: inout Attempts
    ) async throws(ClientError) {
        guard !Task.isCancelled else { return }
        note(error.isLasting ? .refused : .retrying, error: "\(error)")
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
        let rotation = followed.rotation
        let size = await onPool { Result { () throws(FileError) in try rotation.completeSize(of: file, now: .now) } }
        let acknowledged = OffsetCounter(environment.metrics.acknowledgedBytes[label])
        acknowledged.begin(at: record.position.offset)
        let request = StreamRequest(
            source: StreamSource(host: environment.configuration.hostName, path: record.path),
            service: input.service(of: record.path),
            acknowledgement: StreamRequest.Acknowledgement(file: token, offset: record.position.offset),
            // A size that can't be found out now is only left out.
            offersCompression: environment.configuration.offersCompression, size: (try? size?.get()) ?? nil,
            metadata: input.metadata)
        return Transfer(
            file: file, request: request,
            settings: FileTransfer.Settings(
                chunkBytesMin: input.chunkBytesMin, flushInterval: input.flushInterval, closeIdle: input.closeIdle),
            rotation: rotation, slot: slot, limiter: environment.limiter, logger: logger,
            readBytes: environment.metrics.readBytes[label],
            isOverwritten: { [environment, followed] () throws(FileError) in
                try environment.catalogue.isOverwritten(file, of: followed)
            },
            opened: { [self] in note(.streaming) },
            acknowledged: { [environment] record in
                acknowledged.advance(to: record.position.offset)
                environment.state.update(record)
                environment.progress.acknowledged(file.identity, record.position.offset)
            })
    }
}
