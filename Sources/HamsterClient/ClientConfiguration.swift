package import HamsterCore
package import HamsterTLS
package import HamsterTail

/// All that a client needs to know; checked where it is made, copied at the start.
package struct ClientConfiguration: Sendable {
    /// A server to ship to.
    package struct Target: Sendable {
        /// A name or an address, the latter without brackets.
        package var host: String
        package var port: Int
        /// Nil: plain text, because the operator said so.
        package var tls: TLSClientConfiguration?

        package init(host: String, port: Int, tls: TLSClientConfiguration?) {
            self.host = host
            self.port = port
            self.tls = tls
        }

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// Sent as the host of every stream.
    package var hostName: String
    /// In order of preference; at least one.
    package var targets: [Target]
    package var offersCompression = false
    /// What all streams together may send, in bytes a second as they go over the network; nil: no limit.
    package var bytesPerSecond: Int?
    /// Streams at once; other files take turns.
    package var connectionsMax = 64
    /// Files open for reading at once; those that can be found again are closed for others.
    package var openFilesMax = 4_096
    /// For TCP and TLS each.
    package var connectTimeout: Duration = .seconds(10)
    package var inputs: [InputConfiguration]
    package var retry = RetryPolicy()
    /// Path of the PEM file with the client's certificate and key, where the server is to renew it; nil: somebody else does.
    package var renewedIdentity: String?

    package init(hostName: String, targets: [Target], inputs: [InputConfiguration]) {
        self.hostName = hostName
        self.targets = targets
        self.inputs = inputs
    }

    /// The files of certificates and keys.
    package var credentials: [String] {
        targets.flatMap { [$0.tls?.ca, $0.tls?.certificate, $0.tls?.key] }.compactMap { $0 }
    }

    /// The keys whose values differ and can't be changed while the client runs.
    package func keysThatNeedRestart(for other: ClientConfiguration) -> [String] {
        let isWatching = inputs.contains { $0.files.method.isWatching }
        // Nobody looks for files any more where all were to be sent once.
        return isWatching ? [] : ["input"]
    }

    /// Of so many descriptors some are for connections, event loops and the log: files get the rest.
    package mutating func useDescriptors(_ descriptorsMax: Int) {
        let reserved = min(connectionsMax, descriptorsMax / 2) + 64
        openFilesMax = min(openFilesMax, max(16, (descriptorsMax - reserved) * 3 / 4))
    }
}

/// One `[[input]]`: which files, and how they are sent.
package struct InputConfiguration: Sendable {
    /// Sent as `svc`; nil: the file's name without its extension.
    package var name: String?
    package var files: FileSelection
    /// In bytes: with so much unsent a batch goes out before ``flushInterval``.
    package var chunkBytesMin = 4 * 1024
    package var flushInterval: Duration = .milliseconds(10)
    package var closeIdle: Duration = .seconds(300)
    package var metadata: [String: String] = [:]

    package init(_ files: FileSelection) { self.files = files }

    /// Whether streams say the same of their files, and behave in the same way.
    func isAnnouncedLike(_ other: InputConfiguration) -> Bool {
        name == other.name && metadata == other.metadata && chunkBytesMin == other.chunkBytesMin
            && flushInterval == other.flushInterval && closeIdle == other.closeIdle
            && files.rotateWait == other.files.rotateWait
    }

    /// How metrics and logs name the input that stands at `index`.
    func label(at index: Int) -> String { name ?? "input[\(index)]" }

    /// The service of a file: the input's name, or the file's name without its extension.
    package func service(of path: SourcePath) -> String {
        if let name { return name }
        let name = path.name
        // A leading dot opens a hidden file's name, not its extension.
        let dot = name.lastIndex(of: UInt8(ascii: ".")) ?? 0
        return String(decoding: dot > 0 ? name[..<dot] : name[...], as: UTF8.self)
    }
}

/// How long a client goes on trying.
package struct RetryPolicy: Sendable, Hashable {
    /// The longest first wait; it doubles with each failure (full jitter: a random share of it is waited).
    package var delayFirst: Duration = .milliseconds(200)
    package var delayMax: Duration = .seconds(30)
    /// The wait after a refusal that will not mend by itself.
    package var delayLasting: Duration = .seconds(60)
    /// The least wait after another client has taken a file over: two of them must not fight for it.
    package var delayTakenOver: Duration = .seconds(30)
    /// Nil: for ever. Else a file fails after so long without progress.
    package var giveUpAfter: Duration?
    /// Whether a file fails at once after a refusal that will not mend by itself.
    package var isEndedByLastingRefusal = false

    package init() {}

    /// A random wait before the attempt that follows `failures` failures in a row.
    package func delay(afterFailures failures: Int) -> Duration {
        let doubled = delayFirst * (1 << min(max(0, failures - 1), 16))
        return min(doubled, delayMax) * Double.random(in: 0...1)
    }
}
