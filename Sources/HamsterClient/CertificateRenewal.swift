internal import HamsterEnrollment
package import HamsterFiles
internal import HamsterMetrics
internal import HamsterProtocol
internal import HamsterTLS
package import Logging
internal import NIOPosix
internal import ServiceLifecycle

/// Gets the client its next certificate in time, from the server itself: after two thirds of the present one's life.
package final class CertificateRenewal: Service {
    /// The longest wait between two looks, since the clock may be set.
    private static let lookInterval: Int64 = 60
    /// The longest wait after a failure.
    private static let retryMax: Int64 = 600
    /// How long all streams have at most to be opened anew with the new certificate.
    private static let reconnectMax: Int64 = 300

    private let shipping: ShippingService
    private let fileSystem: LinuxFileSystem
    private let logger: Logger
    /// Puts what is on disk into use; false: that was not possible.
    private let useCertificates: @Sendable () -> Bool

    /// `useCertificates` reads the certificates anew.
    package init(
        shipping: ShippingService, fileSystem: LinuxFileSystem, logger: Logger,
        useCertificates: @escaping @Sendable () -> Bool
    ) {
        self.shipping = shipping
        self.fileSystem = fileSystem
        self.logger = logger
        self.useCertificates = useCertificates
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // A share at random: a fleet that enrolled in one hour must not renew in one minute.
            let lateness = Double.random(in: 0...1)
            var failureCount = 0
            while !Task.isCancelled {
                let wait = await self.look(lateness, &failureCount)
                // Cancellation ends the sleep early, and the loop with it.
                try? await Task.sleep(for: .seconds(max(1, min(wait, Self.lookInterval))))
            }
        }
    }

    /// Renews where it is time; returns the seconds until the next look.
    private func look(_ lateness: Double, _ failureCount: inout Int) async -> Int64 {
        guard let identity = shipping.renewedIdentity else { return Self.lookInterval }
        let now = FileTime.now.seconds
        do {
            let chain = try CertificateChain(path: identity)
            let life = max(1, chain.notAfter - chain.notBefore)
            let due = chain.notBefore + life * 2 / 3 + Int64(Double(life) * 0.05 * lateness)
            guard now >= due else { return due - now }
            try await renew(identity, chain)
            failureCount = 0
            shipping.metrics.renewals["ok"].add()
            return 1
        } catch {
            guard !Task.isCancelled else { return Self.lookInterval }
            failureCount += 1
            shipping.metrics.renewals["failed"].add()
            report(error, identity, now)
            return min(Self.retryMax, 1 << Int64(min(failureCount, 10)))
        }
    }

    private func renew(_ identity: String, _ old: CertificateChain) async throws {
        let key = try PrivateKey.make()
        let host = old.names.first ?? ""
        let request = try CertificateRequest.make(for: host, key: key)
        let answer = try await ask(request)
        let new = try CertificateChain(answer.chain, name: "the server's answer")
        try new.require(key, host: host)
        // The key is nowhere before it is there with its certificate: whatever happens, one pair or the other is whole.
        let bytes = try key.text() + answer.chain
        try await shipping.environment?.threadPool.runIfActive { [fileSystem] in
            try fileSystem.replace(identity, with: bytes, mode: 0o600, owner: try fileSystem.owner(of: identity))
        }
        logger.notice(
            "certificate is renewed",
            metadata: ["file": "\(identity)", "serial": "\(new.serial)", "end": "\(FileTime.utc(new.notAfter))"])
        guard useCertificates() else { return }
        // Streams of the old certificate end with it, all at once; these here go over one after the other.
        await shipping.reconnect(within: min(Self.reconnectMax, max(1, (old.notAfter - FileTime.now.seconds) / 2)))
    }

    /// Of the first target that answers.
    private func ask(_ request: [UInt8]) async throws -> EnrollmentExchange.Answer {
        var failure: any Error = ClientError.stopped
        for target in shipping.targets {
            do {
                return try await EnrollmentExchange.ask(target, timeout: shipping.connectTimeout) { _ in
                    .renew(request: request)
                }
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func report(_ error: any Error, _ identity: String, _ now: Int64) {
        let isOver = (try? CertificateChain(path: identity)).map { $0.notAfter <= now } ?? false
        guard isOver else {
            return logger.warning(
                "certificate is not renewed, and will be tried again", metadata: ["reason": "\(error)"])
        }
        logger.error(
            "certificate has ended: get a new one: run 'loghamsterd enroll' on the server, and 'loghamsterc enroll --force' here",
            metadata: ["file": "\(identity)", "reason": "\(error)"])
    }
}
