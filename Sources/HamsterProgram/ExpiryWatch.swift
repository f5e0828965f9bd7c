internal import HamsterFiles
package import HamsterTLS
package import Logging
internal import ServiceLifecycle

/// Warns in the log while certificates or revocation lists that are in use come to their end.
package struct ExpiryWatch: Service {
    /// Between two looks; short, since the clock may be set.
    private static let interval: Duration = .seconds(60)
    /// At the start, when certificates may not be read yet; twice as long each time.
    private static let firstInterval: Duration = .seconds(1)

    private let logger: Logger
    private let credentials: @Sendable () -> [CredentialValidity]

    /// `credentials` gives those that are in use at the time; a reload may have brought others.
    package init(logger: Logger, credentials: @escaping @Sendable () -> [CredentialValidity]) {
        self.logger = logger
        self.credentials = credentials
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var reminder = ExpiryReminder()
            var interval = Self.firstInterval
            while !Task.isCancelled {
                for reminder in reminder.due(credentials(), at: FileTime.now.seconds) { say(reminder) }
                try? await Task.sleep(for: interval)
                interval = min(interval * 2, Self.interval)
            }
        }
    }

    private func say(_ reminder: ExpiryReminder.Reminder) {
        let credential = reminder.credential
        var metadata: Logger.Metadata = [
            "file": "\(credential.path)", "name": "\(credential.name)", "end": "\(credential.endDescription)",
        ]
        guard !reminder.isExpired else {
            logger.error("\(credential.role.noun) has expired: \(credential.role.consequence)", metadata: metadata)
            return
        }
        metadata["days"] = "\(reminder.daysLeft)"
        logger.warning("\(credential.role.noun) ends soon: \(credential.role.advice)", metadata: metadata)
    }
}

extension CredentialValidity.Role {
    /// As the status documents and metrics name it.
    package var name: String {
        switch self {
        case .own: "own"
        case .authority: "ca"
        case .revocationList: "crl"
        }
    }

    fileprivate var noun: String {
        switch self {
        case .own: "certificate"
        case .authority: "certificate of a CA"
        case .revocationList: "revocation list"
        }
    }

    fileprivate var advice: String {
        switch self {
        case .own: "renew it; it is read again when its file changes"
        case .authority: "put the CA's next one beside it in time"
        case .revocationList: "get the CA's new one"
        }
    }

    fileprivate var consequence: String {
        switch self {
        case .own: "peers refuse it until it is renewed"
        case .authority: "peers with certificates of this CA are refused"
        case .revocationList: "peers with certificates of this CA are refused until the CA's new list is there"
        }
    }
}
