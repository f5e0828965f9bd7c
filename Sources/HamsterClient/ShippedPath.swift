internal import HamsterCore
internal import HamsterFiles
internal import HamsterMetrics
internal import HamsterState
internal import HamsterTail
internal import Logging
internal import NIOPosix
internal import Synchronization

/// One path that is shipped: its input, and how it fares, for the log, the metrics and the status.
final class ShippedPath: Sendable {
    let followed: FollowedPath
    let environment: ShippingEnvironment
    private let currentInput: Mutex<InputConfiguration>
    private let currentCondition = Mutex(ShippingCondition())

    init(_ followed: FollowedPath, environment: ShippingEnvironment) {
        self.followed = followed
        currentInput = Mutex(environment.configuration.inputs[followed.input])
        self.environment = environment
    }

    /// Names the path in every line. Made anew each time: kept, it would take more memory of a quiet file than anything else.
    var logger: Logger {
        var logger = environment.logger
        logger[metadataKey: "path"] = "\(printable(followed.path.bytes, charactersMax: 300))"
        return logger
    }

    var input: InputConfiguration { currentInput.withLock { $0 } }

    /// The input has changed; the next stream goes by that. From any thread.
    func update(_ input: InputConfiguration) { currentInput.withLock { $0 = input } }

    /// The input, as metrics name it.
    var label: String { input.label(at: followed.input) }

    /// What happens to the path's first file at present.
    var condition: ShippingCondition { currentCondition.withLock { $0 } }

    func note(_ phase: ShippingCondition.Phase, error: String? = nil) {
        currentCondition.withLock { condition in
            condition.phase = phase
            guard let error else { return }
            condition.lastError = error
            condition.lastErrorAt = FileTime.now.seconds
        }
    }

    func report(lost byteCount: UInt64, of file: TailedFile) {
        environment.progress.lost(byteCount)
        environment.metrics.lostBytes[label].add(byteCount)
        logger.warning(
            "bytes were removed before they could be sent",
            metadata: ["lost_bytes": "\(byteCount)", "acknowledged": "\(file.acknowledged)"])
    }

    /// Blocking file work; nil where the client has stopped meanwhile.
    func onPool<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        // Thrown only by a pool that was shut down, and that ends with the client.
        try? await environment.threadPool.runIfActive { work() }
    }
}
