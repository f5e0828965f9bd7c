internal import Synchronization

/// What the server has done since its start. Relaxed atomics: each number stands for itself.
final class ServerStatistics: Sendable {
    /// A copy of the numbers at one moment.
    struct Snapshot: Sendable, Hashable {
        var streams: Int
        var receivedBytes: UInt64
        var refusedStreams: Int
        var acceptedConnections: Int
        var refusedConnections: Int
        var acceptFailures: Int
        var reloads: Int
        var failedReloads: Int
    }

    /// Here, and not with each connection: the catalogue is more than a stranger shall cost.
    let metrics = ServerMetrics()
    private let streams = Atomic<Int>(0)
    private let receivedBytes = Atomic<UInt64>(0)
    private let refusedStreams = Atomic<Int>(0)
    private let acceptedConnections = Atomic<Int>(0)
    private let refusedConnections = Atomic<Int>(0)
    private let acceptFailures = Atomic<Int>(0)
    private let reloads = Atomic<Int>(0)
    private let failedReloads = Atomic<Int>(0)

    func streamOpened() { streams.add(1, ordering: .relaxed) }

    func streamClosed(bytes: UInt64) { receivedBytes.add(bytes, ordering: .relaxed) }

    func streamRefused() { refusedStreams.add(1, ordering: .relaxed) }

    /// A connection has heard the welcome lines.
    func connectionAccepted() { acceptedConnections.add(1, ordering: .relaxed) }

    func connectionRefused() { refusedConnections.add(1, ordering: .relaxed) }

    /// A connection waits in the kernel, for want of a descriptor or memory.
    func acceptFailed() { acceptFailures.add(1, ordering: .relaxed) }

    func reloaded() { reloads.add(1, ordering: .relaxed) }

    func reloadFailed() { failedReloads.add(1, ordering: .relaxed) }

    var snapshot: Snapshot {
        Snapshot(
            streams: streams.load(ordering: .relaxed), receivedBytes: receivedBytes.load(ordering: .relaxed),
            refusedStreams: refusedStreams.load(ordering: .relaxed),
            acceptedConnections: acceptedConnections.load(ordering: .relaxed),
            refusedConnections: refusedConnections.load(ordering: .relaxed),
            acceptFailures: acceptFailures.load(ordering: .relaxed), reloads: reloads.load(ordering: .relaxed),
            failedReloads: failedReloads.load(ordering: .relaxed))
    }
}
