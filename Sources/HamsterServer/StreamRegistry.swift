internal import HamsterCore
internal import HamsterProtocol
internal import HamsterRouting
internal import HamsterStore
internal import HamsterTLS
internal import NIOCore
internal import Synchronization

/// The streams that are open or about to be, so that no two write one file and a new connection can take a stream over.
final class StreamRegistry: Sendable {
    /// What a stream occupies.
    struct Claim: Sendable, Hashable {
        var source: StreamSource
        /// Nil for a plain stream.
        var key: FileKey?
        /// The output's file where only one source may write it; nil where several share it.
        var exclusiveOutput: Destination?
        /// The client's certificate; nil: it has shown none.
        var peer: PeerIdentity?
        /// What led to the output, and which that is: to ask again when the rules or the day have changed.
        var routed: Routed?
    }

    struct Routed: Sendable, Hashable {
        var facts: StreamFacts
        var route: Router.Route
    }

    enum Answer {
        case granted
        /// This stream must end first: it is the same file, or an earlier file of the same path.
        case occupied(by: StreamHandle, until: ReleaseSignal)
        /// Another source writes the output.
        case busy
        /// The host has as many streams as it may.
        case tooMany
    }

    private struct Holder {
        var handle: StreamHandle
        var claim: Claim
        /// One a claim, not one a connection: after a refusal a connection may claim again.
        let released = ReleaseSignal()
    }

    private struct State {
        var claims: [ObjectIdentifier: Holder] = [:]
        var byKey: [FileKey: StreamHandle] = [:]
        var byOutput: [Destination: StreamHandle] = [:]
        var perHost: [String: Int] = [:]
    }

    let reports = StreamReports()
    private let state = Mutex(State())
    private let streamsPerHostMax: Atomic<Int>

    init(streamsPerHostMax: Int) { self.streamsPerHostMax = Atomic(streamsPerHostMax) }

    /// Those that are open beyond a new limit stay.
    func limit(to streamsPerHostMax: Int) { self.streamsPerHostMax.store(streamsPerHostMax, ordering: .relaxed) }

    /// Either grants all of `claim` to `handle`, or nothing. What was granted is given back by ``release(_:)``.
    func claim(_ claim: Claim, for handle: StreamHandle) -> Answer {
        state.withLock { state in
            if let holder = claim.key.flatMap({ state.byKey[$0] }).flatMap({ state.claims[ObjectIdentifier($0)] }) {
                return .occupied(by: holder.handle, until: holder.released)
            }
            if let holder = claim.exclusiveOutput.flatMap({ state.byOutput[$0] })
                .flatMap({ state.claims[ObjectIdentifier($0)] })
            {
                return Self.mayReplace(holder.claim, by: claim)
                    ? .occupied(by: holder.handle, until: holder.released) : .busy
            }
            let count = state.perHost[claim.source.hostKey, default: 0]
            guard count < streamsPerHostMax.load(ordering: .relaxed) else { return .tooMany }
            state.perHost[claim.source.hostKey] = count + 1
            state.claims[ObjectIdentifier(handle)] = Holder(handle: handle, claim: claim)
            if let key = claim.key { state.byKey[key] = handle }
            if let output = claim.exclusiveOutput { state.byOutput[output] = handle }
            return .granted
        }
    }

    /// Gives back what `handle` holds and wakes those who wait for it. Does nothing the second time.
    func release(_ handle: StreamHandle) {
        let released = state.withLock { state -> ReleaseSignal? in
            guard let holder = state.claims.removeValue(forKey: ObjectIdentifier(handle)) else { return nil }
            let claim = holder.claim
            if let key = claim.key { state.byKey[key] = nil }
            if let output = claim.exclusiveOutput { state.byOutput[output] = nil }
            let count = state.perHost[claim.source.hostKey, default: 1] - 1
            state.perHost[claim.source.hostKey] = count == 0 ? nil : count
            return holder.released
        }
        released?.release()
    }

    /// Sends streams away whose output is another one by these rules and on this day; they come back to it. A plain stream
    /// has no way back, and goes on where it is. `staying` gets the routes of those that stay, which may say something
    /// else of the file's rotation now. Returns how many were sent away.
    func reroute(_ router: Router, on date: String, staying: (Router.Route) -> Void = { _ in }) -> Int {
        let holders = state.withLock { Array($0.claims.values) }
        var count = 0
        for holder in holders {
            guard var routed = holder.claim.routed else { continue }
            routed.facts.date = date
            if case .write(let route) = router.route(routed.facts), routed.route.leadsWhere(route) {
                staying(route)
            } else if holder.claim.key != nil {
                count += 1
                holder.handle.stop(.rerouted)
            }
        }
        return count
    }

    /// Ends the streams whose certificate has expired, or names a host no more for which they are. Returns how many.
    func end(by binding: HostBinding, now: Int64) -> Int {
        let holders = state.withLock { Array($0.claims.values) }
        var count = 0
        for holder in holders {
            let claim = holder.claim
            let reason: String? =
                if let peer = claim.peer, peer.notAfter < now {
                    "certificate of '\(peer.subject)' has expired"
                } else if !binding.permits(claim.peer, host: claim.source.host) {
                    "its certificate may not send for '\(claim.source.host)' any more"
                } else {
                    nil
                }
            guard let reason else { continue }
            count += 1
            holder.handle.stop(.identityEnded(reason))
        }
        return count
    }

    var count: Int { state.withLock { $0.claims.count } }

    /// A client sends the files of one path one after the other, so an older file's stream on the same path can only be
    /// a half-open connection. A plain stream has no such order, and its bytes would be lost: it is left alone.
    private static func mayReplace(_ old: Claim, by new: Claim) -> Bool {
        old.key != nil && new.key != nil && old.source == new.source
    }
}

/// An open stream or one about to open, as other connections see it.
final class StreamHandle: Sendable {
    /// The connection's: streams that follow each other on it have the same.
    let streamID: String
    private let channel: any Channel
    private let hasEnded = Atomic<Bool>(false)

    init(streamID: String, channel: any Channel) {
        self.streamID = streamID
        self.channel = channel
    }

    /// The stream of the same connection that follows this one.
    func next() -> StreamHandle { StreamHandle(streamID: streamID, channel: channel) }

    /// Asks the stream to commit what it has, send a last line and close. From any thread.
    func stop(_ command: StopCommand) {
        guard !channel.eventLoop.inEventLoop else { return tell(command) }
        channel.eventLoop.execute { self.tell(command) }
    }

    /// The stream is over, and what was meant for it must not reach the next one of its connection. On the event loop.
    func end() { hasEnded.store(true, ordering: .relaxed) }

    private func tell(_ command: StopCommand) {
        guard !hasEnded.load(ordering: .relaxed) else { return }
        channel.pipeline.fireUserInboundEventTriggered(command)
    }
}

/// User event for the handlers of a connection: come to an end, and say why.
enum StopCommand: Sendable {
    /// A newer connection has come for the same file.
    case takenOver(by: String)
    /// The server stops.
    case shutdown
    /// The stream belongs to another output by now.
    case rerouted
    /// The client's certificate is not one by which this stream would be opened now.
    case identityEnded(String)
    /// The output has lost what was not committed.
    case outputFailed(StoreError)

    /// The last line that the client hears.
    var reply: Reply {
        switch self {
        case .takenOver(let streamID): Reply(.busy, "taken over by \(streamID)")
        case .shutdown: Reply(.unavailable, "server is stopping", retrySeconds: 1)
        case .rerouted: Reply(.unavailable, "the stream's output has changed", retrySeconds: 0)
        // It comes back, and is told why by the handshake or by the reply to its INIT.
        case .identityEnded: Reply(.unavailable, "the certificate has to be verified again", retrySeconds: 0)
        case .outputFailed(let error): error.reply
        }
    }
}

extension StreamSource {
    /// Host names don't differ by case (RFC 4343): a limit that did could be multiplied.
    var hostKey: String { host.lowercased() }
}
