internal import HamsterCore
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

    /// What is known between two looks.
    private struct Course {
        /// A share at random: a fleet that enrolled in one hour must not renew in one minute.
        let lateness = Double.random(in: 0...1)
        var failureCount = 0
        /// No attempt is made before it; in seconds since 1970.
        var pausedUntil: Int64 = 0
        var reason = ""
        var reportedAt: Int64 = 0
        /// The file that was looked at for whether it can be replaced.
        var examined = ""
        /// What was got and could not be written, for the certificate that is still in force: not to be asked for twice.
        var unwritten: (pair: Pair, previous: String)?
        /// The end of the certificate before, where the new one is in place and not in use yet.
        var untilReplaced: Int64?
    }

    /// A key and the certificates for it, as they stand in one file.
    private struct Pair {
        var key: PrivateKey
        var chain: CertificateChain

        func text() throws -> [UInt8] { try key.text() + chain.text }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var course = Course()
            while !Task.isCancelled {
                let wait = await self.look(&course)
                // Cancellation ends the sleep early, and the loop with it.
                try? await Task.sleep(for: .seconds(max(1, min(wait, Self.lookInterval))))
            }
        }
    }

    /// Renews where it is time; returns the seconds until the next look.
    private func look(_ course: inout Course) async -> Int64 {
        guard let identity = shipping.renewedIdentity else { return Self.lookInterval }
        examine(identity, &course)
        let now = FileTime.now.seconds
        // A clock that was set back does not make a pause longer.
        guard now >= course.pausedUntil || course.pausedUntil - now > Self.retryMax else {
            return course.pausedUntil - now
        }
        do {
            if course.untilReplaced != nil { try await use(&course) }
            let chain = try CertificateChain(path: identity)
            let life = max(1, chain.notAfter - chain.notBefore)
            let due = chain.notBefore + life * 2 / 3 + Int64(Double(life) * 0.05 * course.lateness)
            guard now >= due else { return due - now }
            // Also after a success: where the clock is ahead, the next one is due at once.
            course.pausedUntil = now + min(Self.retryMax, max(1, life / 20))
            try await renew(identity, chain, &course)
            course.failureCount = 0
            course.reason = ""
            shipping.metrics.renewals["ok"].add()
            return 1
        } catch {
            guard !Task.isCancelled else { return Self.lookInterval }
            course.failureCount += 1
            shipping.metrics.renewals["failed"].add()
            report("\(error)", identity, now, &course)
            let pause = min(Self.retryMax, 1 << Int64(min(course.failureCount, 10)))
            course.pausedUntil = now + max(1, Int64(Double(pause) * Double.random(in: 0.5...1)))
            return course.pausedUntil - now
        }
    }

    /// Says at once what would otherwise be seen after two thirds of a certificate's life.
    private func examine(_ identity: String, _ course: inout Course) {
        guard course.examined != identity else { return }
        course.examined = identity
        let directory = SourcePath(identity).directory
        guard let reason = fileSystem.obstacle(toWritingIn: directory) else { return }
        logger.warning(
            "certificate can't be renewed when it is time",
            metadata: [
                "directory": "\(directory)", "reason": "\(reason)",
                "advice": "give the directory to the client's user, and name it in ReadWritePaths= of the unit",
            ])
    }

    private func renew(_ identity: String, _ old: CertificateChain, _ course: inout Course) async throws {
        guard let environment = shipping.environment else { throw ClientError.stopped }
        let pair: Pair
        if let known = course.unwritten, known.previous == old.serial {
            pair = known.pair
        } else {
            pair = try await obtain(host: old.names.first ?? "")
        }
        course.unwritten = (pair, old.serial)
        // The key is nowhere before it is there with its certificate: whatever happens, one pair or the other is whole.
        let bytes = try pair.text()
        try await environment.threadPool.runIfActive { [fileSystem] in
            let mode = try fileSystem.permissionsToKeep(of: identity)
            try fileSystem.replace(
                identity, with: bytes, mode: mode, owner: try fileSystem.ownerToKeep(of: identity))
        }
        course.unwritten = nil
        let new = pair.chain
        logger.notice(
            "certificate is renewed",
            metadata: ["file": "\(identity)", "serial": "\(new.serial)", "end": "\(FileTime.utc(new.notAfter))"])
        course.untilReplaced = old.notAfter
        try await use(&course)
    }

    /// Puts a new certificate into use, which is in place by now.
    private func use(_ course: inout Course) async throws {
        guard useCertificates() else {
            throw ClientError.interrupted("the new certificate is in place and can't be used: see the line before")
        }
        guard let end = course.untilReplaced.take() else { return }
        // Streams of the old certificate end with it, all at once; these here go over one after the other.
        await shipping.reconnect(within: min(Self.reconnectMax, max(1, (end - FileTime.now.seconds) / 2)))
    }

    /// Of the first target that gives a good answer. Throws what all of them have said.
    private func obtain(host: String) async throws -> Pair {
        let key = try PrivateKey.make()
        let request = try CertificateRequest.make(for: host, key: key)
        var failures: [String] = []
        for target in shipping.targets {
            do {
                let answer = try await EnrollmentExchange.ask(target, timeout: shipping.connectTimeout) { _ in
                    .renew(request: request)
                }
                let chain = try CertificateChain(answer.chain, name: "the server's answer")
                try chain.require(key, host: host)
                try chain.requireTrust(by: target.tls?.ca)
                return Pair(key: key, chain: chain)
            } catch {
                failures.append("\(target.description): \(error)")
            }
        }
        throw ClientError.interrupted(failures.joined(separator: "; "))
    }

    /// Once, when the reason is another one, and once a day.
    private func report(_ reason: String, _ identity: String, _ now: Int64, _ course: inout Course) {
        let isOver = (try? CertificateChain(path: identity)).map { $0.notAfter <= now } ?? false
        let news = "\(isOver) \(reason)"
        guard news != course.reason || now - course.reportedAt >= 86_400 else { return }
        (course.reason, course.reportedAt) = (news, now)
        guard isOver else {
            logger.warning("certificate is not renewed, and will be tried again", metadata: ["reason": "\(reason)"])
            return
        }
        logger.error(
            "certificate has ended: run 'loghamsterd enroll' on the server, and 'loghamsterc enroll --force' here",
            metadata: ["file": "\(identity)", "reason": "\(reason)"])
    }
}
