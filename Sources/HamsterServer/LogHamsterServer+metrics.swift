internal import HamsterCore
package import HamsterMetrics
internal import HamsterRateLimit
internal import HamsterRouting
internal import HamsterStore
internal import HamsterTLS

extension LogHamsterServer {
    /// What the program is made of.
    package struct Build: Sendable, Hashable {
        package var version: String
        package var swift: String
        package var openSSL: String

        package init(version: String, swift: String, openSSL: String) {
            self.version = version
            self.swift = swift
            self.openSSL = openSSL
        }
    }

    /// Adds every metric, each with its value of this moment.
    package func writeMetrics(_ build: Build, to exposition: inout Exposition) {
        exposition.add(metrics.build, [.init([build.version, build.swift, build.openSSL], 1)])
        writeConnections(to: &exposition)
        writeStreams(to: &exposition)
        writeHosts(to: &exposition)
        exposition.add(metrics.commitTime)
        exposition.add(metrics.uncommittedBytes, Double(store.uncommittedBytes))
        exposition.add(metrics.outputErrors)
        let counted = statistics.snapshot
        exposition.add(
            metrics.reloads,
            [.init(["failed"], Double(counted.failedReloads)), .init(["ok"], Double(counted.reloads))])
        metrics.process.write(to: &exposition)
    }

    private func writeConnections(to exposition: inout Exposition) {
        let counted = statistics.snapshot
        let (all, opening) = connections.counts
        exposition.add(
            metrics.connections, [.init(["opening"], Double(opening)), .init(["streaming"], Double(all - opening))])
        exposition.add(
            metrics.connectionsTotal,
            [
                .init(["accepted"], Double(counted.acceptedConnections)),
                .init(["refused"], Double(counted.refusedConnections)),
            ])
        exposition.add(metrics.handshakes)
        exposition.add(metrics.enrollments)
        exposition.add(metrics.handshakeTime)
        // One role may have several certificates: the first that ends is the one to see to.
        let ends = Dictionary(
            credentials.filter { $0.notAfter != .max }.map { ($0.role.label, $0.notAfter) }, uniquingKeysWith: min)
        exposition.add(
            metrics.certificateEnd, ends.sorted { $0.key < $1.key }.map { .init([$0.key], Double($0.value)) })
    }

    private func writeStreams(to exposition: inout Exposition) {
        var open = Dictionary(
            policy.current.router.outputNames.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
        for report in streams.reports.open { open[report.outputName, default: 0] += 1 }
        exposition.add(
            metrics.streams, open.sorted { $0.key < $1.key }.map { .init([$0.key], Double($0.value)) })
        for family in [
            metrics.streamsTotal, metrics.refusals, metrics.receivedBytes, metrics.writtenBytes, metrics.committedBytes,
            metrics.lines,
        ] {
            exposition.add(family)
        }
        let waited = limiter.waited
        exposition.add(
            metrics.throttled, RateScope.allCases.map { .init([$0.rawValue], (waited[$0] ?? .zero).secondsValue) })
    }

    private func writeHosts(to exposition: inout Exposition) {
        let hosts = metrics.hosts.snapshots
        exposition.add(metrics.hostReceivedBytes, hosts.lazy.map { .init([$0.name], Double($0.bytes)) })
        exposition.add(
            metrics.hostLastReceived, hosts.lazy.filter { $0.last > 0 }.map { .init([$0.name], Double($0.last)) })
    }
}

extension CredentialValidity.Role {
    /// As a server's metrics name it.
    fileprivate var label: String {
        switch self {
        case .own: "server"
        case .authority: "client_ca"
        case .revocationList: "crl"
        }
    }
}

extension Duration {
    fileprivate var secondsValue: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
