internal import HamsterClient
internal import HamsterCore
internal import HamsterFiles
internal import HamsterProtocol
internal import HamsterState
internal import HamsterTLS
internal import HamsterTail
public import Logging

/// Ships files to a Log Hamster server from within a program.
///
/// ```swift
/// let client = try LogHamsterClient(
///     target: "log.example.com:7007",
///     tls: .mutual(ca: "ca.pem", certificate: "web1.pem", key: "web1.key"))
/// let copied = try await client.sendFile("/var/log/messages")
/// ```
///
/// Every byte arrives once and in order; nothing is kept on disk, since the server knows how far each file is. A client
/// holds no resources between its calls, and calls may run at the same time.
public struct LogHamsterClient: Sendable {
    /// How the connection is secured. Paths are of PEM files.
    public struct TLS: Sendable {
        var ca: String?
        var certificate: String?
        var key: String?
        var isEnabled = true

        /// Both sides show certificates. The key must be readable by its owner alone.
        public static func mutual(ca: String, certificate: String, key: String) -> TLS {
            TLS(ca: ca, certificate: certificate, key: key)
        }

        /// Only the server shows a certificate, which `ca` or, where that is nil, one of the system's CAs has issued.
        public static func server(ca: String? = nil) -> TLS { TLS(ca: ca) }

        /// No TLS: everybody on the way can read and change what is sent.
        public static let insecurePlaintext = TLS(isEnabled: false)
    }

    private let target: ClientConfiguration.Target
    private let hostName: String
    private let service: String?
    private let logger: Logger

    /// Connects nowhere yet.
    ///
    /// - Parameters:
    ///   - target: `HOST:PORT`, an IPv6 address in brackets; without a port it is 7007.
    ///   - tls: the server's name is checked against `target`.
    ///   - hostName: the host that the files are sent for; default: the system's name. The server may demand that it
    ///     stands in the client's certificate.
    ///   - service: sent as `svc` for the server's routing; default: a file's name without its extension.
    ///   - logger: hears of refusals and reconnects.
    /// - Throws: ``LogHamsterError`` where `target` or `hostName` is malformed.
    public init(
        target: String, tls: TLS, hostName: String? = nil, service: String? = nil,
        logger: Logger = Logger(label: "LogHamster", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws {
        guard let endpoint = HostAndPort(target, defaultPort: 7_007), endpoint.host != "::", endpoint.port > 0 else {
            throw LogHamsterError(description: "expected HOST:PORT, got '\(target)'")
        }
        let host = hostName ?? systemHostName()
        guard StreamSource.isHostName(Array(host.utf8)) else {
            throw LogHamsterError(description: "not a host name: '\(host)'")
        }
        let security =
            tls.isEnabled
            ? TLSClientConfiguration(
                ca: tls.ca, certificate: tls.certificate, key: tls.key, serverName: endpoint.host) : nil
        self.target = ClientConfiguration.Target(host: endpoint.host, port: endpoint.port, tls: security)
        self.hostName = host
        self.service = service
        self.logger = logger
    }

    /// Follows a file as it grows, reconnecting as often as needed, until the task is cancelled or the file has been
    /// rotated away and is delivered.
    ///
    /// - Returns: how many of the file's bytes are acknowledged.
    /// - Throws: ``LogHamsterError`` where the server refuses for good or a certificate can't be used.
    public func streamFile(_ path: String) async throws -> UInt64 {
        var retry = RetryPolicy()
        retry.isEndedByLastingRefusal = true
        return try await ship(path, method: .untilRotated, retry)
    }

    /// Sends what the file holds now and waits until the server has stored it.
    ///
    /// - Returns: how many of the file's bytes are acknowledged: all.
    /// - Throws: ``LogHamsterError`` where the file can't be read, the server refuses, or can't be reached for a minute.
    public func sendFile(_ path: String) async throws -> UInt64 {
        var retry = RetryPolicy()
        retry.isEndedByLastingRefusal = true
        retry.giveUpAfter = .seconds(60)
        return try await ship(path, method: .once, retry)
    }

    private func ship(_ path: String, method: FileSelection.Method, _ retry: RetryPolicy) async throws -> UInt64 {
        guard path.hasPrefix("/") else {
            throw LogHamsterError(description: "expected an absolute path, got '\(path)'")
        }
        let fileSystem = LinuxFileSystem()
        var input = InputConfiguration(FileSelection(patterns: [PathPattern(literal: SourcePath(path))]))
        input.name = service
        input.files.method = method
        var configuration = ClientConfiguration(hostName: hostName, targets: [target], inputs: [input])
        configuration.retry = retry
        do {
            _ = try fileSystem.open(SourcePath(path))
            let shipping = ShippingService(
                configuration: configuration, state: StateStore(inMemory: fileSystem), fileSystem: fileSystem,
                logger: logger)
            try await shipping.run()
            if let failure = shipping.failures.all.first { throw failure.error }
            return shipping.progress.snapshot.bytesAcknowledged
        } catch {
            throw LogHamsterError(description: "\(error)")
        }
    }
}

/// Why a file could not be shipped.
public struct LogHamsterError: Error, Sendable, CustomStringConvertible {
    /// What was attempted, on what, and what was wrong, in one line.
    public let description: String
}
