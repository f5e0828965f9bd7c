internal import HamsterFiles
package import HamsterMetrics
internal import HamsterProtocol
internal import HamsterTLS
internal import NIOPosix

extension ShippingService {
    /// How often the files' ages are looked at, at most.
    private static let lookInterval: Duration = .seconds(1)

    /// Why the client has nowhere to ship to, in one line; nil: it has.
    package var obstacle: String? {
        guard let connector = environment?.connector else { return "the client is starting" }
        return connector.obstacle
    }

    /// Notes that another configuration was asked for, and can't be used.
    package func reloadFailed() { metrics.reloads["failed"].add() }

    /// Adds every metric, each with its value of this moment. Looks at open files: never on an event loop.
    package func writeMetrics(to exposition: inout Exposition) {
        writeFiles(to: &exposition)
        exposition.add(metrics.connects)
        let targets = environment?.connector.targets ?? []
        exposition.add(metrics.connected, targets.map { .init([$0.name], $0.isConnected ? 1 : 0) })
        let ends = Dictionary(
            credentials.filter { $0.notAfter != .max }.map { ($0.role.label, $0.notAfter) }, uniquingKeysWith: min)
        exposition.add(
            metrics.certificateEnd, ends.sorted { $0.key < $1.key }.map { .init([$0.key], Double($0.value)) })
        exposition.add(metrics.reloads)
        exposition.add(metrics.renewals)
        metrics.process.write(to: &exposition)
    }

    /// Keeps the files' ages up to date between scrapes, until cancellation.
    package func followLag() async {
        var pause = Self.lookInterval
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            let start = ContinuousClock.now
            // Nil: the client has stopped, or not begun.
            _ = try? await environment?.threadPool.runIfActive { self.lags(of: self.measures) }
            pause = max(Self.lookInterval, (.now - start) * 20)
        }
    }

    private var measures: [FileMeasure] { FileMeasure.all(shippers.all.map(\.path)) }

    @discardableResult
    private func lags(of files: [FileMeasure]) -> [String: LagWatch.Lag] {
        lagWatch.look(at: files, now: FileTime.now.seconds)
    }

    private func writeFiles(to exposition: inout Exposition) {
        let files = measures
        var lags = lags(of: files)
        // An input without files is not behind.
        for label in inputLabels {
            if lags[label] == nil { lags[label] = LagWatch.Lag() }
            metrics.prepare(input: label)
        }
        let states = Dictionary(files.map { ([$0.input, $0.state], 1) }, uniquingKeysWith: +)
        exposition.add(
            metrics.files,
            states.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { .init($0.key, Double($0.value)) })
        let sorted = lags.sorted { $0.key < $1.key }
        exposition.add(metrics.readBytes)
        exposition.add(metrics.acknowledgedBytes)
        exposition.add(metrics.lagBytes, sorted.map { .init([$0.key], Double($0.value.bytes)) })
        exposition.add(metrics.lagSeconds, sorted.map { .init([$0.key], Double($0.value.seconds)) })
        exposition.add(metrics.deletedBytes, sorted.map { .init([$0.key], Double($0.value.deletedBytes)) })
        exposition.add(metrics.rotations)
        exposition.add(metrics.lostBytes)
    }
}

extension CredentialValidity.Role {
    /// As a client's metrics name it.
    fileprivate var label: String {
        switch self {
        case .own: "client"
        case .authority: "server_ca"
        case .revocationList: "crl"
        }
    }
}

extension ClientError {
    /// What kind of failure it is, as a label.
    var reason: String {
        switch self {
        case .unreachable: "unreachable"
        case .tls: "tls"
        case .interrupted: "interrupted"
        case .silent: "silent"
        case .violated: "violated"
        case .refused(let reply): "\(reply.code.rawValue)"
        case .unreadable: "unreadable"
        case .stopped: "stopped"
        }
    }
}
