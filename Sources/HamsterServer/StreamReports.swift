internal import HamsterCore
internal import HamsterRateLimit
internal import Synchronization

/// What there is to tell of the streams: those that are open, and the last failure of each source.
final class StreamReports: Sendable {
    /// More are not remembered, the oldest is forgotten first: a stranger may choose the names.
    static let failuresMax = 1_000

    struct Failure: Sendable, Hashable {
        var reason: String
        /// Unix seconds.
        var at: Int64
    }

    private struct State {
        var open: [ObjectIdentifier: StreamReport] = [:]
        var failures: [StreamSource: Failure] = [:]
    }

    private let state = Mutex(State())

    var open: [StreamReport] { state.withLock { Array($0.open.values) } }
    var failures: [StreamSource: Failure] { state.withLock { $0.failures } }

    /// What the configuration calls the output at a path; nil: no stream has it open.
    func outputName(of path: SourcePath) -> String? {
        state.withLock { state in state.open.values.first { $0.output == path }?.outputName }
    }

    func add(_ report: StreamReport) { state.withLock { $0.open[ObjectIdentifier(report)] = report } }

    func remove(_ report: StreamReport) { state.withLock { $0.open[ObjectIdentifier(report)] = nil } }

    func failed(_ source: StreamSource, _ reason: String, at time: Int64) {
        state.withLock { state in
            if state.failures.count >= Self.failuresMax, state.failures[source] == nil,
                let oldest = state.failures.min(by: { $0.value.at < $1.value.at })
            {
                state.failures[oldest.key] = nil
            }
            state.failures[source] = Failure(reason: reason, at: time)
        }
    }

    /// Bytes of the source were acknowledged: what was wrong before is over.
    func progressed(_ source: StreamSource) { state.withLock { $0.failures[source] = nil } }
}

/// One open stream. Its numbers are written on its event loop and read from any thread; each stands for itself.
final class StreamReport: Sendable {
    let streamID: String
    let source: StreamSource
    let output: SourcePath
    /// As the configuration calls it.
    let outputName: String
    /// The first DNS name of the client's certificate.
    let peer: String?
    /// Unix seconds.
    let since: Int64
    let start: UInt64
    private let receivedOffset: Atomic<UInt64>
    private let acknowledgedOffset: Atomic<UInt64>
    private let gate = Mutex<RateGate?>(nil)

    init(
        streamID: String, source: StreamSource, output: SourcePath, outputName: String, peer: String?, since: Int64,
        start: UInt64
    ) {
        self.streamID = streamID
        self.source = source
        self.output = output
        self.outputName = outputName
        self.peer = peer
        self.since = since
        self.start = start
        receivedOffset = Atomic(start)
        acknowledgedOffset = Atomic(start)
    }

    /// The source's offset behind the last byte that came.
    var received: UInt64 { receivedOffset.load(ordering: .relaxed) }
    var acknowledged: UInt64 { acknowledgedOffset.load(ordering: .relaxed) }

    /// Which of its rates the stream waits for at this moment; nil: for none.
    var obstacle: RateScope? { gate.withLock { $0 }?.obstacle }

    func limited(by gate: RateGate?) { self.gate.withLock { $0 = gate } }

    func received(upTo offset: UInt64) { receivedOffset.store(offset, ordering: .relaxed) }
    func acknowledged(upTo offset: UInt64) { acknowledgedOffset.store(offset, ordering: .relaxed) }
}
