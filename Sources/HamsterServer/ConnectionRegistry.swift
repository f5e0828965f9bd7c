internal import HamsterProtocol
internal import HamsterRateLimit
internal import NIOCore
internal import Synchronization

/// Every open connection, so that their number and frequency are bounded and a stop reaches all of them.
final class ConnectionRegistry: Sendable {
    enum Answer: Sendable, Hashable {
        case accepted
        /// Over a limit, but few enough to be told so.
        case acceptedToRefuse(Reply)
        /// Close without a word.
        case dropped
    }

    private struct State {
        var limits: ServerConfiguration.Limits
        var rates: ConnectionRates?
        var channels: [ObjectIdentifier: any Channel] = [:]
        var openings = Openings<ObjectIdentifier>()
    }

    /// So many connections above the limit are told that it is reached; more are dropped.
    private static let toldMax = 100

    private let state: Mutex<State>
    private let statistics: ServerStatistics
    private let now: @Sendable () -> Duration

    /// `now` never runs backwards.
    init(
        _ limits: ServerConfiguration.Limits, _ statistics: ServerStatistics, now: @escaping @Sendable () -> Duration
    ) {
        self.statistics = statistics
        self.now = now
        state = Mutex(State(limits: limits, rates: Self.rates(limits, now())))
    }

    /// Those that are open beyond a new limit stay.
    func limit(to limits: ServerConfiguration.Limits) {
        let now = now()
        state.withLock { state in
            if limits.connectionsPerSecond != state.limits.connectionsPerSecond {
                state.rates = Self.rates(limits, now)
            }
            state.limits = limits
        }
    }

    /// Lets a connection in or not. Where there are too many, one that has not opened its stream may be closed for it: see
    /// ``Openings``.
    func add(_ channel: any Channel, from address: AddressBlock?) -> Answer {
        let now = now()
        let (answer, displaced) = state.withLock { state in Self.add(channel, address, &state, now) }
        close(displaced)
        if case .dropped = answer { return answer }
        channel.closeFuture.whenComplete { _ in self.remove(channel) }
        return answer
    }

    /// A proxy has said where a connection comes from that was added without an address.
    func locate(_ channel: any Channel, at address: AddressBlock) -> Answer {
        let now = now()
        let id = ObjectIdentifier(channel)
        return state.withLock { state in
            let verdict = state.rates?.knock(address, now: now) ?? .accept
            guard verdict != .drop, state.channels[id] != nil else { return .dropped }
            state.openings.remove(id)
            state.openings.add(id, from: address)
            return verdict == .refuse ? Self.tooOften : .accepted
        }
    }

    /// The connection has opened its stream.
    func opened(_ channel: any Channel) {
        state.withLock { state in state.openings.remove(ObjectIdentifier(channel)) }
    }

    private static let tooOften = Answer.acceptedToRefuse(
        Reply(.limitReached, "this address connects too often", retrySeconds: 5))
    private static let tooMany = Answer.acceptedToRefuse(
        Reply(.limitReached, "too many connections", retrySeconds: 5))

    private func close(_ displaced: (any Channel)?) {
        guard let displaced else { return }
        statistics.connectionRefused()
        displaced.close(promise: nil)
    }

    private static func add(
        _ channel: any Channel, _ address: AddressBlock?, _ state: inout State, _ now: Duration
    ) -> (Answer, displaced: (any Channel)?) {
        let verdict = address.flatMap { state.rates?.knock($0, now: now) } ?? .accept
        guard verdict != .drop, state.channels.count < state.limits.connectionsMax + toldMax else {
            return (.dropped, nil)
        }
        let isFull = state.channels.count >= state.limits.connectionsMax
        let displaced = isFull && verdict == .accept ? state.openings.displace(for: address) : nil
        state.channels[ObjectIdentifier(channel)] = channel
        state.openings.add(ObjectIdentifier(channel), from: address)
        let answer: Answer = verdict == .refuse ? tooOften : isFull && displaced == nil ? tooMany : .accepted
        return (answer, displaced.flatMap { state.channels[$0] })
    }

    private func remove(_ channel: any Channel) {
        state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            state.openings.remove(ObjectIdentifier(channel))
        }
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// All of them, and those whose stream is not open yet, at one moment.
    var counts: (all: Int, opening: Int) { state.withLock { ($0.channels.count, $0.openings.count) } }

    /// Those of them whose stream is not open yet.
    var openingCount: Int { state.withLock { $0.openings.count } }

    var all: [any Channel] { state.withLock { Array($0.channels.values) } }

    private static func rates(_ limits: ServerConfiguration.Limits, _ now: Duration) -> ConnectionRates? {
        limits.connectionsPerSecond.map { ConnectionRates(perSecond: $0, now: now) }
    }
}
