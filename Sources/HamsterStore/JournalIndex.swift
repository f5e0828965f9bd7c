internal import HamsterCore
internal import HamsterFiles

/// What is durable: every known output and stream, as the journal's frames add up.
package struct JournalIndex: Sendable {
    private struct KnownStream {
        var position: StreamPosition
        var output: UInt32
        var lastSeen: Int64
    }

    private(set) var outputs: [OutputTarget.Location: OutputRecord] = [:]
    private var streams: [FileKey: KnownStream] = [:]
    private var streamCounts = HostCounts()
    /// Of outputs whose maker is known.
    private var outputCounts = HostCounts()
    private var numberNext: UInt32 = 0
    /// Bytes that the records take in a journal that holds nothing else.
    private(set) var liveSize = 0

    package init() {}

    var streamCount: Int { streams.count }

    /// How many files a host has brought: its acknowledged streams, or the outputs that it has made, whichever are more.
    func fileCount(of host: String) -> Int { max(streamCounts[host], outputCounts[host]) }

    func position(of key: FileKey) -> StreamPosition? { streams[key]?.position }

    func record(of key: FileKey) -> StreamRecord? {
        streams[key].map {
            StreamRecord(key: key, position: $0.position, output: $0.output, lastSeen: $0.lastSeen)
        }
    }

    /// The number that records name this output by, for as long as the output is known.
    mutating func number(of location: OutputTarget.Location) -> UInt32 {
        if let known = outputs[location] { return known.number }
        defer { numberNext &+= 1 }
        return numberNext
    }

    /// Adds what the next frame says.
    package mutating func apply(_ commit: CommitRecord) {
        for output in commit.outputs {
            let known = outputs.updateValue(output, forKey: output.location)
            liveSize += output.encodedSize - (known?.encodedSize ?? 0)
            if known?.maker != output.maker {
                if let maker = known?.maker { outputCounts.remove(maker) }
                if let maker = output.maker { outputCounts.add(maker) }
            }
            numberNext = max(numberNext, output.number &+ 1)
        }
        for stream in commit.streams {
            liveSize += stream.encodedSize - (record(of: stream.key)?.encodedSize ?? 0)
            let known = streams.updateValue(
                KnownStream(position: stream.position, output: stream.output, lastSeen: stream.lastSeen),
                forKey: stream.key)
            if known == nil { streamCounts.add(stream.key.host) }
        }
    }

    /// Streams and outputs that a compaction leaves out.
    struct Expired: Sendable, Hashable {
        var streams: Set<FileKey> = []
        var outputs: Set<OutputTarget.Location> = []

        func intersection(_ other: Self) -> Self {
            Self(streams: streams.intersection(other.streams), outputs: outputs.intersection(other.outputs))
        }

        func subtracting(_ other: Self) -> Self {
            Self(streams: streams.subtracting(other.streams), outputs: outputs.subtracting(other.outputs))
        }
    }

    /// What was last seen before `time` (Unix seconds), except what is open.
    func expired(
        before time: Int64, streamsOpen: Set<FileKey>, outputsOpen: Set<OutputTarget.Location>
    ) -> Expired {
        Expired(
            streams: Set(streams.filter { $0.value.lastSeen < time && !streamsOpen.contains($0.key) }.keys),
            outputs: Set(outputs.filter { $0.value.lastSeen < time && !outputsOpen.contains($0.key) }.keys))
    }

    func records(of some: Expired) -> CommitRecord {
        CommitRecord(
            outputs: some.outputs.compactMap { outputs[$0] }, streams: some.streams.compactMap { record(of: $0) })
    }

    /// Forgets; gives what was forgotten.
    mutating func remove(_ some: Expired) -> CommitRecord {
        let removed = records(of: some)
        for output in removed.outputs {
            outputs[output.location] = nil
            if let maker = output.maker { outputCounts.remove(maker) }
        }
        for stream in removed.streams {
            streams[stream.key] = nil
            streamCounts.remove(stream.key.host)
        }
        liveSize -= removed.outputs.reduce(0) { $0 + $1.encodedSize }
        liveSize -= removed.streams.reduce(0) { $0 + $1.encodedSize }
        return removed
    }

    /// All of it as one commit: what a compacted journal holds.
    package var everything: CommitRecord {
        CommitRecord(outputs: Array(outputs.values), streams: streams.keys.compactMap { record(of: $0) })
    }
}
