internal import NIOCore
internal import Synchronization

/// Every open connection, so that their number is bounded and a stop reaches all of them.
final class ConnectionRegistry: Sendable {
    enum Answer: Sendable {
        case accepted
        /// Over the limit, but few enough to be told so.
        case acceptedToRefuse
        /// Close without a word.
        case dropped
    }

    /// So many connections above the limit are told that it is reached; more are dropped.
    private static let toldMax = 100

    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let connectionsMax: Atomic<Int>

    init(connectionsMax: Int) { self.connectionsMax = Atomic(connectionsMax) }

    /// Those that are open beyond a new limit stay.
    func limit(to connectionsMax: Int) { self.connectionsMax.store(connectionsMax, ordering: .relaxed) }

    func add(_ channel: any Channel) -> Answer {
        let connectionsMax = connectionsMax.load(ordering: .relaxed)
        let answer: Answer = channels.withLock { channels in
            guard channels.count < connectionsMax + Self.toldMax else { return .dropped }
            channels[ObjectIdentifier(channel)] = channel
            return channels.count > connectionsMax ? .acceptedToRefuse : .accepted
        }
        if case .dropped = answer { return answer }
        channel.closeFuture.whenComplete { _ in self.remove(channel) }
        return answer
    }

    private func remove(_ channel: any Channel) {
        channels.withLock { channels in channels[ObjectIdentifier(channel)] = nil }
    }

    var count: Int { channels.withLock { $0.count } }

    var all: [any Channel] { channels.withLock { Array($0.values) } }
}
