internal import HamsterCore
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterRouting
internal import HamsterStore
internal import HamsterTLS
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Decides whether a stream may open and opens its output: identity, routing, limits, takeover.
struct StreamAdmission: Sendable {
    /// A stream that may start: its output is open and it holds its claim in the registry.
    struct Admitted: Sendable {
        var writer: OutputWriter
        var output: String
        var grant: StreamGrant
        /// What the committer calls with each new durable offset, once it is set.
        var commits: CommitRelay
        var tally: StreamTally
    }

    let policy: LivePolicy
    let store: Store
    let registry: StreamRegistry
    let threadPool: NIOThreadPool
    let logger: Logger
    /// Unix seconds.
    let clock: @Sendable () -> Int64
    /// How long an old stream may take to make way.
    let takeoverTimeout: Duration
    let statistics: ServerStatistics

    /// Everything that is not granted is given back before this returns a refusal.
    func admit(
        _ request: StreamRequest, from identity: PeerIdentity?, handle: StreamHandle
    ) async -> Result<Admitted, Reply> {
        // Rules that change more often than that while a stream is let in are left to the next reroute.
        for _ in 0..<3 {
            let routed: StreamRegistry.Routed
            switch route(request, identity, handle) {
            case .success(let found): routed = found
            case .failure(let reply): return .failure(reply)
            }
            if let refusal = await claim(request, identity, routed, for: handle) { return .failure(refusal) }
            // From the claim on a reroute sees the stream; one that was before it is seen here.
            guard case .success(let now) = route(request, identity, handle), now.route == routed.route else {
                registry.release(handle)
                continue
            }
            return await open(request, routed.route, handle)
        }
        return .failure(Reply(.unavailable, "the rules are changing", retrySeconds: 1))
    }

    private func route(
        _ request: StreamRequest, _ identity: PeerIdentity?, _ handle: StreamHandle
    ) -> Result<StreamRegistry.Routed, Reply> {
        let policy = policy.current
        let host = request.source.host
        guard policy.hostBinding.permits(identity, host: host) else {
            return .failure(Reply(.forbidden, Self.refusal(identity, host: host)))
        }
        let facts = StreamFacts(request, identity, streamID: handle.streamID, at: clock())
        switch policy.router.route(facts) {
        case .write(let route): return .success(StreamRegistry.Routed(facts: facts, route: route))
        case .denied(let output): return .failure(Reply(.forbidden, "output '\(output)' refuses this stream"))
        case .impossible(let output, let error):
            return .failure(Reply(.noOutput, "output '\(output)': \(error)"))
        case .none: return .failure(Reply(.noOutput, "no output takes '\(printable(request.source.path.bytes))'"))
        }
    }

    private static func refusal(_ identity: PeerIdentity?, host: String) -> String {
        guard let identity else { return "host '\(host)' needs a client certificate with its name" }
        let names = (identity.dnsNames + identity.ipAddresses).map { printable($0.utf8, charactersMax: 60) }
        return "certificate is for '\(names.prefix(3).joined(separator: "', '"))', not for host '\(host)'"
    }

    /// The reply where the stream may not have what it needs.
    private func claim(
        _ request: StreamRequest, _ identity: PeerIdentity?, _ routed: StreamRegistry.Routed, for handle: StreamHandle
    ) async -> Reply? {
        let claim = StreamRegistry.Claim(
            source: request.source,
            key: request.fileKey,
            exclusiveOutput: routed.route.framing == .bytes ? routed.route.destination : nil, peer: identity,
            routed: routed)
        // Each round ends one older stream. More rounds than that means that clients fight over the file.
        for _ in 0..<3 {
            switch registry.claim(claim, for: handle) {
            case .granted: return nil
            case .busy: return Reply(.busy, "another source is writing this output", retrySeconds: 5)
            case .tooMany: return Reply(.limitReached, "host has too many streams", retrySeconds: 30)
            case .occupied(let older, let released):
                older.stop(.takenOver(by: handle.streamID))
                guard await released.wait(atMost: takeoverTimeout) else {
                    return Reply(.unavailable, "the file's older stream is still settling", retrySeconds: 5)
                }
            }
        }
        return Reply(.busy, "several connections send this file", retrySeconds: 5)
    }

    private func open(
        _ request: StreamRequest, _ route: Router.Route, _ handle: StreamHandle
    ) async -> Result<Admitted, Reply> {
        let filesMax = policy.current.limits.filesPerHostMax
        do {
            if let admitted = try await openOutput(request, route, handle, filesMax: filesMax) {
                return .success(admitted)
            }
            registry.release(handle)
            return .failure(
                Reply(.limitReached, "host has \(filesMax) files here (limits.max_files_per_host)", retrySeconds: 600))
        } catch {
            registry.release(handle)
            let reason = (error as? StoreError)?.reason ?? "output"
            statistics.metrics.outputErrors[route.output, reason].add()
            logger.error(
                "output not opened",
                metadata: ["stream": "\(handle.streamID)", "output": "\(route.output)", "reason": "\(error)"])
            return .failure(Self.reply(to: error))
        }
    }

    /// Nil: the stream would make one file more known of its host than it may have.
    private func openOutput(
        _ request: StreamRequest, _ route: Router.Route, _ handle: StreamHandle, filesMax: Int
    ) async throws -> Admitted? {
        let commits = CommitRelay()
        let tally = statistics.metrics.tally(output: route.output)
        let target = OutputTarget(route)
        let start = request.acknowledgement?.offset ?? 0
        let key = request.fileKey
        let host = request.source.host
        let writer = try await threadPool.runIfActive { () -> OutputWriter? in
            guard store.admits(key, of: host, at: target.location, filesMax: filesMax) else { return nil }
            return try store.open(
                target, key: key, maker: host, startOffset: start, endsFile: request.size != nil,
                linePrefix: route.prefix,
                onCommit: { offset in
                    tally.committed(upTo: offset)
                    commits.committed(offset)
                }, onFailure: { handle.stop(.outputFailed($0)) })
        }
        guard let writer else { return nil }
        tally.begin(at: writer.start.offset)
        var grant = StreamGrant(isCompressed: request.offersCompression)
        if key != nil {
            grant.offset = writer.start.offset
            grant.check = writer.start.tail.check(at: writer.start.offset)
            grant.takesNext = request.hasNext(behind: grant)
        }
        return Admitted(writer: writer, output: route.output, grant: grant, commits: commits, tally: tally)
    }

    private static func reply(to error: any Error) -> Reply {
        guard let error = error as? StoreError else { return Reply(.serverFailed, "cannot open the output") }
        return error.reply
    }
}

extension StreamRequest {
    /// What the store knows the file by; nil: a plain stream.
    fileprivate var fileKey: FileKey? {
        acknowledgement.map { FileKey(host: source.host, file: $0.file) }
    }
}
