internal import HamsterCore
internal import HamsterFiles
internal import HamsterProtocol
internal import HamsterState
internal import HamsterTail
internal import Logging
internal import NIOCore
internal import Synchronization

/// Ships the files of one path, one after the other, for as long as the client runs or until they are delivered.
final class PathShipper: Sendable {
    /// What the files of all paths share.
    struct Environment: Sendable {
        var configuration: ClientConfiguration
        var state: StateStore
        var slots: ConnectionSlots
        var connector: Connector
        var progress: ShippingProgress
        var logger: Logger
    }

    let followed: FollowedPath
    /// Whether ``run()`` ends by itself.
    var hasEnd: Bool { input.method != .watch }
    private let input: InputConfiguration
    private let environment: Environment
    private let signal = WakeSignal()
    private let connection = Mutex<(any Channel)?>(nil)
    private let isRetired = Atomic<Bool>(false)
    private let logger: Logger

    init(_ followed: FollowedPath, input: InputConfiguration, environment: Environment) {
        self.followed = followed
        self.input = input
        self.environment = environment
        var logger = environment.logger
        logger[metadataKey: "path"] = "\(printable(followed.path.bytes, charactersMax: 300))"
        self.logger = logger
    }

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

    /// Returns at cancellation, after ``retire()``, or for a path that is sent once when its files are delivered.
    /// Throws ``ClientError`` where the retry policy gives up.
    func run() async throws(ClientError) {
        var attempts = Attempts(policy: environment.configuration.retry)
        while !Task.isCancelled {
            guard let file = followed.first else {
                if input.method == .once || isRetired.load(ordering: .acquiring) { return }
                await signal.wait()
                continue
            }
            switch next(for: file) {
            case .send:
                try await send(file, &attempts)
            case .delivered:
                followed.removeDelivered(file)
                environment.progress.delivered(file.identity)
                if file.rotatedAt != nil { logger.info("file delivered", metadata: ["bytes": "\(file.acknowledged)"]) }
                if input.method == .untilRotated { return }
            case .startOver:
                startOver(file)
            case .wait(let duration):
                if let duration { await signal.wait(atMost: duration) } else { await signal.wait() }
            }
        }
    }
}

extension PathShipper {
    private enum Step {
        case send
        case delivered
        case startOver
        /// Until something changes, or so long at most.
        case wait(Duration?)
    }

    /// What a file needs that no connection serves at present.
    private func next(for file: TailedFile) -> Step {
        do throws(FileError) {
            let status = try file.file.status()
            let acknowledged = file.acknowledged
            if let limit = file.sizeLimit {
                return acknowledged >= limit && environment.progress.isAnnounced(file.identity) ? .delivered : .send
            }
            if status.size < acknowledged { return .startOver }
            if status.size > acknowledged { return .send }
            guard let rotatedAt = file.rotatedAt else { return .wait(nil) }
            let observation = RotationRule.Observation(
                rotatedAt: rotatedAt, modified: status.modified, hasWriter: try file.file.hasWriter())
            let remaining = RotationRule(rotateWait: input.rotateWait).remaining(observation, now: .now)
            guard remaining == .zero else { return .wait(remaining) }
            // The last look at the size must come after the writer is known to be gone.
            return try file.file.status().size > acknowledged ? .send : .delivered
        } catch {
            logger.error("cannot read the file", metadata: ["reason": "\(error)"])
            return .wait(environment.configuration.retry.delayMax)
        }
    }

    private func send(_ file: TailedFile, _ attempts: inout Attempts) async throws(ClientError) {
        guard let slot = await environment.slots.acquire() else { return }
        defer { slot.release() }
        attempts.begin()
        guard let transfer = transfer(of: file, slot) else { return }
        let before = file.acknowledged
        let outcome = await environment.connector.run(transfer) { channel in
            connection.withLock { $0 = channel }
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
            environment.progress.announced(file.identity)
            attempts.succeeded()
        case .otherContent:
            startOver(file)
            // A file that is rewritten again and again must not be sent as fast as it can be.
            try? await Task.sleep(for: try attempts.failed(.interrupted("the file changed"), now: .now))
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
        if attempts.isNews(error) {
            logger.log(
                level: error.isLasting ? .error : .warning, "file not shipped for now",
                metadata: ["reason": "\(error)"])
        }
        let delay = try attempts.failed(error, now: .now)
        // Nobody shall wait for a place that only waits itself.
        slot.release()
        try? await Task.sleep(for: max(delay, atLeast))
    }

    private func startOver(_ file: TailedFile) {
        let size = (try? file.file.status().size) ?? 0
        let record = file.startOver(size: size, now: FileTime.now.seconds)
        environment.state.update(record)
        logger.notice(
            "file holds new content, sending from its start", metadata: ["generation": "\(record.generation)"])
    }

    private func transfer(of file: TailedFile, _ slot: ConnectionSlots.Slot) -> Transfer? {
        let record = file.record
        guard let token = record.token else { return nil }
        let request = StreamRequest(
            source: StreamSource(host: environment.configuration.hostName, path: record.path),
            service: input.service(of: record.path),
            acknowledgement: StreamRequest.Acknowledgement(file: token, offset: record.offset),
            offersCompression: environment.configuration.offersCompression, size: completeSize(of: file),
            metadata: input.metadata)
        return Transfer(
            file: file, request: request, chunkBytesMin: input.chunkBytesMin,
            flushInterval: TimeAmount(input.flushInterval), closeIdle: TimeAmount(input.closeIdle),
            rotation: RotationRule(rotateWait: input.rotateWait), slot: slot, logger: logger,
            acknowledged: { [environment] record in
                environment.state.update(record)
                environment.progress.acknowledged(record)
            })
    }

    /// The size of a file that can't grow any more; only such a stream ends its file at the server.
    private func completeSize(of file: TailedFile) -> UInt64? {
        if let limit = file.sizeLimit { return limit }
        guard let rotatedAt = file.rotatedAt, let status = try? file.file.status(),
            let hasWriter = try? file.file.hasWriter()
        else { return nil }
        let observation = RotationRule.Observation(
            rotatedAt: rotatedAt, modified: status.modified, hasWriter: hasWriter)
        let isComplete = RotationRule(rotateWait: input.rotateWait).remaining(observation, now: .now) == .zero
        return isComplete ? status.size : nil
    }
}

/// The failures in a row of one path.
private struct Attempts {
    let policy: RetryPolicy
    private var failures = 0
    private var lastReported: String?
    private var lastProgress = ContinuousClock.now

    init(policy: RetryPolicy) { self.policy = policy }

    /// The time that a file waited for its place is not held against it.
    mutating func begin() {
        if failures == 0 { lastProgress = .now }
    }

    mutating func succeeded() {
        failures = 0
        lastReported = nil
        lastProgress = .now
    }

    /// Whether this failure was not reported yet.
    mutating func isNews(_ error: ClientError) -> Bool {
        defer { lastReported = "\(error)" }
        return lastReported != "\(error)"
    }

    /// How long to wait before the next attempt. Throws the error where the policy says so.
    mutating func failed(_ error: ClientError, now: ContinuousClock.Instant) throws(ClientError) -> Duration {
        failures += 1
        if policy.isEndedByLastingRefusal, error.isLasting { throw error }
        if let giveUpAfter = policy.giveUpAfter, now - lastProgress > giveUpAfter { throw error }
        return error.isLasting
            ? policy.delayLasting * Double.random(in: 0.5...1) : policy.delay(afterFailures: failures)
    }
}
